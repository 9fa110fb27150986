import type { JSX, RefObject } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';

import { TabStop } from './button';
import { ListWindow } from './list_window';

const STEPS: Readonly<Record<string, (index: number, page: number) => number>> = {
  ArrowDown: (index) => index + 1,
  ArrowUp: (index) => index - 1,
  PageDown: (index, page) => index + page,
  PageUp: (index, page) => index - page,
  Home: () => 0,
  End: () => Infinity,
};

/** What the list wants of a row's `<li>`. */
export interface RowAttributes {
  readonly role: 'listitem';
  readonly tabIndex: number;
  readonly 'aria-setsize': number;
  readonly 'aria-posinset': number;
  readonly 'data-index': number;
}

interface ListProps {
  readonly label: string;
  readonly count: number;
  /** Another function for another list; so it must be the same one for the same list. */
  readonly keyOf: (index: number) => string;
  /** Draws an `<li>` with these attributes. */
  readonly row: (index: number, attributes: RowAttributes) => JSX.Element;
  /** Pixels of a row before any was measured. */
  readonly estimate: number;
  /** A list of another name begins at its top. */
  readonly name: string | number;
  /** Told which rows can be seen, the last included. */
  readonly onShow: (first: number, last: number) => void;
  readonly busy?: boolean;
  /** Filled with what takes the keyboard to the row that had it last. */
  readonly enter?: RefObject<() => void>;
}

/**
 * A list of any length of which only the rows in sight are in the page. The arrow keys go from row
 * to row; the buttons of the row that has the keyboard are the only ones on the way of the Tab key.
 */
export function VirtualList(props: ListProps) {
  const { count, keyOf, name } = props;
  const [, redraw] = useState(0);
  const [window] = useState(
    () =>
      new ListWindow(props.estimate, () => {
        redraw((turn) => turn + 1);
      }),
  );
  const [active, setActive] = useState(0);
  const current = Math.max(0, Math.min(active, count - 1));
  window.onShow = props.onShow;
  window.use(count, keyOf);

  const focus = useRowFocus(window, current);
  const go = (index: number) => {
    if (count > 0) {
      const target = Math.max(0, Math.min(index, count - 1));
      setActive(target);
      focus(target);
      window.reveal(target);
    }
  };
  if (props.enter) {
    props.enter.current = () => {
      go(current);
    };
  }
  useLayoutEffect(() => {
    window.rewind();
    setActive(0);
  }, [window, name]);
  useLayoutEffect(() => {
    window.settle();
  });
  useSizes(window);

  const pressed = (event: KeyboardEvent) => {
    const step = STEPS[event.key];
    const elsewhere = (event.target as HTMLElement).closest('input, select, summary, pre');
    if (step && !elsewhere && !event.altKey && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      go(step(current, window.page));
    }
  };
  const entered = (event: FocusEvent) => {
    const row = (event.target as HTMLElement).closest<HTMLElement>('[data-index]');
    if (row) {
      setActive(Number(row.dataset.index));
    }
  };

  const [first, last] = window.drawn;
  const drawn = Array.from(
    { length: Math.max(0, Math.min(last, count - 1) - first + 1) },
    (_, offset) => first + offset,
  );
  return (
    <div
      class="mlxm-scroller"
      ref={(el) => {
        window.scroller = el;
      }}
      tabIndex={-1}
      onScroll={() => {
        window.look();
      }}
      onKeyDown={pressed}
    >
      <ul
        class="mlxm-rows"
        role="list"
        ref={(el) => {
          window.list = el;
        }}
        aria-label={props.label}
        aria-busy={props.busy}
        style={{
          height: `${String(window.rows.total)}px`,
          paddingTop: `${String(window.rows.top(first))}px`,
        }}
        onFocusIn={entered}
      >
        {drawn.map((index) => (
          <TabStop.Provider key={keyOf(index)} value={index === current}>
            {props.row(index, {
              role: 'listitem',
              tabIndex: index === current ? 0 : -1,
              'aria-setsize': count,
              'aria-posinset': index + 1,
              'data-index': index,
            })}
          </TabStop.Provider>
        ))}
      </ul>
    </div>
  );
}

/** Moves the focus to a row once it is drawn, and keeps it in the list when what had it goes. */
function useRowFocus(window: ListWindow, current: number): (index: number) => void {
  const wanted = useRef<number | null>(null);
  const focused = window.list?.contains(document.activeElement) ?? false;
  const rowAt = (index: number) =>
    window.list?.querySelector<HTMLElement>(`:scope > [data-index="${String(index)}"]`);
  useLayoutEffect(() => {
    const row = wanted.current === null ? null : rowAt(wanted.current);
    if (row) {
      wanted.current = null;
      row.focus();
    } else if (focused && window.list?.contains(document.activeElement) === false) {
      (rowAt(current) ?? window.scroller)?.focus({ preventScroll: true });
    }
  });
  return (index) => {
    const row = rowAt(index);
    wanted.current = row ? null : index;
    row?.focus();
  };
}

/** Rows unfold, and windows are resized, without being drawn again from here. */
function useSizes(window: ListWindow): void {
  const observer = useRef<ResizeObserver | null>(null);
  const observed = useRef(new Set<Element>());
  useEffect(() => {
    let frame = 0;
    const known = observed.current;
    const sizes = new ResizeObserver(() => {
      // Not at once: what is changed during the notification would be notified again.
      cancelAnimationFrame(frame);
      frame = requestAnimationFrame(() => {
        window.settle();
      });
    });
    observer.current = sizes;
    return () => {
      cancelAnimationFrame(frame);
      sizes.disconnect();
      known.clear();
    };
  }, [window]);
  useEffect(() => {
    const drawn = new Set([window.scroller, ...(window.list?.children ?? [])]);
    for (const el of observed.current) {
      if (!drawn.has(el)) {
        observer.current?.unobserve(el);
        observed.current.delete(el);
      }
    }
    for (const el of drawn) {
      if (el && !observed.current.has(el)) {
        observer.current?.observe(el);
        observed.current.add(el);
      }
    }
  });
}
