import type { RefObject } from 'preact';
import { useEffect, useLayoutEffect, useState } from 'preact/hooks';

/** Anything that can be looked at and that tells when it is different. */
interface Watched<S> {
  snapshot(): S;
  subscribe(changed: () => void): () => void;
}

/** The store's state; the component draws again whenever it changes. */
export function useStore<S>(store: Watched<S>): S {
  const [state, setState] = useState(() => store.snapshot());
  useEffect(() => {
    const update = () => {
      setState(store.snapshot());
    };
    // Something may have happened between the first drawing and now.
    update();
    return store.subscribe(update);
  }, [store]);
  return state;
}

/** Milliseconds since the epoch; once a second for as long as somebody counts seconds. */
export function useNow(ticking: boolean): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    if (!ticking) {
      return undefined;
    }
    const tick = () => {
      setNow(Date.now());
    };
    tick();
    const timer = setInterval(tick, 1000);
    return () => {
      clearInterval(timer);
    };
  }, [ticking]);
  return ticking ? now : Date.now();
}

/**
 * Keeps the keyboard's place when the focused element disappears with this drawing: in the same
 * row if there still is one, else in the row that took its place, else on the section's title.
 */
export function useKeptFocus(section: RefObject<HTMLElement>): void {
  const active = document.activeElement;
  const focused = section.current?.contains(active) ? active : null;
  const row = focused?.closest('li') ?? null;
  const index = row ? [...(row.parentElement?.children ?? [])].indexOf(row) : 0;
  useLayoutEffect(() => {
    if (!focused || focused.isConnected || !section.current) {
      return;
    }
    // What took its place has the keyboard already.
    if (section.current.contains(document.activeElement)) {
      return;
    }
    const rows = [...section.current.querySelectorAll<HTMLElement>('li[data-name]')];
    const heir = row?.isConnected ? row : rows[Math.min(index, rows.length - 1)];
    (heir ?? section.current.querySelector('h2'))?.focus();
  });
}
