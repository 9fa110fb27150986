import { useEffect, useRef } from 'preact/hooks';

import { useHost } from '../host';
import type { ChartData, LegendEntry } from '../metrics_charts';
import { Paint } from './paint';
import { Plot, sameLines, type PlotLibrary } from './plot';

/** A moment that somebody looks at, and in which chart. */
export interface Moment {
  readonly time: number;
  /** Which chart's own pointer is there; null where the keyboard is. */
  readonly pointer: ChartData['key'] | null;
}

/** How many steps of an arrow key lead from one end to the other, and of a larger key. */
const STEPS = 60;
const LEAPS = 10;

/**
 * Lines over time with their values below: the latest ones, or those of the moment that is looked
 * at. The arrow keys move through time; to a screen reader it is a slider that says the values.
 */
export function Chart(props: {
  readonly data: ChartData;
  /** Null until it has come. */
  readonly library: PlotLibrary | null;
  readonly moment: Moment | null;
  readonly onMoment: (moment: Moment | null) => void;
}) {
  const { data, moment, onMoment } = props;
  const { t, format } = useHost();
  const { times } = data;
  const canvas = usePlot(props);
  const index = moment === null ? times.length - 1 : nearest(times, moment.time);
  const at = moment === null ? null : format.clock(times[index] ?? 0, true);
  const empty = data.lines.every(
    ({ look, values }) => look === 'limit' || values.every((value) => value === null),
  );
  const pressed = (event: KeyboardEvent) => {
    const now = moment?.time ?? data.end;
    const to = target(event.key, now, data);
    if (to !== undefined) {
      event.preventDefault();
      event.stopPropagation();
      const time = to === null ? undefined : times[nearest(times, to)];
      onMoment(time === undefined ? null : { time, pointer: null });
    }
  };
  const values = data.legend.map(({ name, text }) => `${name} ${text(index) ?? t('unknown')}`);
  return (
    <figure class="mlxm-chart" data-chart={data.key} data-empty={empty}>
      <figcaption>
        <span>{data.title}</span>
        <span class="mlxm-muted">{at ?? data.unit}</span>
      </figcaption>
      <div
        class="mlxm-plot"
        role="slider"
        tabIndex={0}
        aria-label={t('%1 over time', data.title)}
        aria-valuemin={0}
        aria-valuemax={Math.max(0, times.length - 1)}
        aria-valuenow={Math.max(0, index)}
        aria-valuetext={empty ? data.nothing : [at ?? t('latest'), ...values].join(', ')}
        onKeyDown={pressed}
        onBlur={() => {
          onMoment(null);
        }}
      >
        <div ref={canvas} />
        {empty && <span class="mlxm-plot-note">{data.nothing}</span>}
      </div>
      <ul class="mlxm-legend" role="list">
        {data.legend.map((entry) => (
          <Entry key={`${entry.look} ${entry.name}`} entry={entry} text={entry.text(index)} />
        ))}
      </ul>
    </figure>
  );
}

function Entry({ entry, text }: { readonly entry: LegendEntry; readonly text: string | null }) {
  return (
    <li role="listitem">
      <i data-look={entry.look} style={{ color: entry.color }} />
      {entry.name} <b>{text ?? '–'}</b>
    </li>
  );
}

/** Draws into the element that the answer is given to, for as long as that is in the page. */
function usePlot(props: Parameters<typeof Chart>[0]) {
  const { data, library, moment } = props;
  const host = useHost();
  const el = useRef<HTMLDivElement>(null);
  const plot = useRef<{ readonly plot: Plot; data: ChartData } | null>(null);
  const latest = useRef(props);
  latest.current = props;

  const paint = useRef<Paint | null>(null);
  const draw = useRef<() => void>(() => undefined);
  draw.current = () => {
    const box = el.current;
    const drawn = plot.current;
    // Nothing is drawn while nobody can see it: in a tab behind another one it has no width.
    if (!box || !library || !paint.current || box.clientWidth === 0) {
      return;
    }
    if (drawn && sameLines(drawn.data, data)) {
      drawn.plot.resize();
      if (drawn.data !== data) {
        drawn.data = data;
        drawn.plot.update(data);
      }
      return;
    }
    drawn?.plot.destroy();
    const made = new Plot(library, box, data, {
      paint: paint.current,
      clock: (seconds) => host.format.clock(seconds),
      number: (value) => host.format.plain(value),
      onPoint: (index) => {
        const { data: now, moment: before, onMoment } = latest.current;
        const time = index === null ? undefined : now.times[index];
        if (time !== undefined) {
          onMoment({ time, pointer: now.key });
        } else if (before?.pointer === now.key) {
          onMoment(null);
        }
      },
    });
    plot.current = { plot: made, data };
  };

  useEffect(() => {
    const box = el.current;
    if (!box) {
      return undefined;
    }
    const life = new AbortController();
    paint.current = new Paint(box, () => plot.current?.plot.redraw(), life.signal);
    const sizes = new ResizeObserver(() => {
      draw.current();
    });
    sizes.observe(box);
    return () => {
      sizes.disconnect();
      life.abort();
      plot.current?.plot.destroy();
      plot.current = null;
    };
  }, []);
  useEffect(() => {
    draw.current();
  }, [library, data]);
  useEffect(() => {
    // Where the pointer is, the cursor is already.
    if (moment?.pointer !== data.key) {
      plot.current?.plot.point(moment === null ? null : nearest(data.times, moment.time));
    }
  }, [moment, data]);
  return el;
}

/** Where a key leads; null for out of it, undefined for a key that leads nowhere. */
function target(key: string, now: number, { start, end }: ChartData): number | null | undefined {
  const range = end - start;
  const keys: Readonly<Record<string, number | null>> = {
    ArrowLeft: now - range / STEPS,
    ArrowDown: now - range / STEPS,
    ArrowRight: now + range / STEPS,
    ArrowUp: now + range / STEPS,
    PageDown: now - range / LEAPS,
    PageUp: now + range / LEAPS,
    Home: start,
    End: end,
    Escape: null,
  };
  return keys[key];
}

/** The index of the time that is closest to this one. */
export function nearest(times: readonly number[], time: number): number {
  let [low, high] = [0, times.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((times[middle] ?? 0) < time) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  const before = times[low - 1];
  const after = times[low];
  return before !== undefined && after !== undefined && time - before < after - time
    ? low - 1
    : low;
}
