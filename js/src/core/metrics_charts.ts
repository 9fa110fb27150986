import { slotColor } from './components/palette';
import type { Host } from './host';
import type { Figure, MetricsLog, Point } from './metrics_log';

const GB = 2 ** 30;

/** How a line is drawn: the total beside the servers' own, the rare case beside the common one. */
export type Look = 'line' | 'total' | 'rare' | 'limit' | 'area';

export interface Line {
  readonly look: Look;
  /** Of CSS. */
  readonly color: string;
  readonly values: readonly Point[];
}

/** What stands below a chart; `text` is the value at a point. */
export interface LegendEntry {
  readonly name: string;
  readonly look: Look;
  readonly color: string;
  readonly text: (index: number) => string | null;
}

export interface ChartData {
  readonly key: 'rate' | 'memory' | 'first_token';
  readonly title: string;
  /** Shown at the right of the title. */
  readonly unit: string;
  readonly times: readonly number[];
  readonly start: number;
  readonly end: number;
  /** Lines of another list are other lines; those of one are drawn in its order. */
  readonly lines: readonly Line[];
  readonly legend: readonly LegendEntry[];
  /** The least that the upper edge stands for, so that noise does not look like news. */
  readonly least: number;
  /** What is said while there is nothing to draw. */
  readonly nothing: string;
}

/** A line with the words for it. */
interface Entry extends Line {
  readonly name: string;
  readonly text?: LegendEntry['text'];
}

/** The three charts of a log; `colors` are the palette slots of the servers that are listed now. */
export function chartsOf(
  log: MetricsLog,
  colors: Readonly<Record<string, number>>,
  host: Host,
): readonly ChartData[] {
  const slots = slotsOf(log.servers, colors);
  const servers = log.servers.map((name) => ({ name, color: slotColor(slots[name] ?? 0) }));
  return [
    rateChart(log, servers, host),
    memoryChart(log, servers, host),
    waitChart(log, servers, host),
  ];
}

interface Named {
  readonly name: string;
  readonly color: string;
}

/** Those that are listed keep their colour; those that are gone get what is left. */
export function slotsOf(
  names: readonly string[],
  colors: Readonly<Record<string, number>>,
): Readonly<Record<string, number>> {
  const slots: Record<string, number> = { ...colors };
  const taken = new Set(Object.values(colors));
  for (const name of names) {
    if (slots[name] === undefined) {
      let slot = 0;
      while (taken.has(slot)) {
        slot += 1;
      }
      taken.add(slot);
      slots[name] = slot;
    }
  }
  return slots;
}

function rateChart(log: MetricsLog, servers: readonly Named[], { t, format }: Host): ChartData {
  const text = (values: readonly Point[]) => (index: number) => {
    const value = values[index] ?? null;
    return value === null ? null : format.rate(value);
  };
  const entries: Entry[] = servers.map(({ name, color }) => {
    const values = log.server(name, 'tokens_per_second');
    return { name, color, look: 'line', values, text: text(values) };
  });
  if (servers.length > 1) {
    const values = log.total('tokens_per_second');
    const color = 'color-mix(in srgb, var(--mlxm-text) 50%, transparent)';
    // Behind the servers' own: where only one of them answers, both are the same.
    entries.unshift({ name: t('total'), color, look: 'total', values, text: text(values) });
  }
  return {
    ...base(log, 'rate', entries),
    title: t('Tokens per second'),
    unit: t('tok/s'),
    least: 10,
    nothing: t('No model has answered yet.'),
  };
}

/** Areas upon each other: other apps below, then each server; what is left below the limit is free. */
function memoryChart(log: MetricsLog, servers: readonly Named[], { t, format }: Host): ChartData {
  const total = log.totalBytes;
  const available = log.available();
  const held = servers.map(({ name }) => log.server(name, 'memory_bytes'));
  const others = available.map((free, index) => {
    const ours = held.reduce((sum, points) => sum + (points[index] ?? 0), 0);
    return free === null ? null : Math.max(0, total - free - ours);
  });
  const layers = [
    { name: t('other apps'), color: 'var(--mlxm-other-apps)', own: others as readonly Point[] },
    ...servers.map((server, index) => ({ ...server, own: held[index] ?? [] })),
  ];
  const sums = new Array<number>(others.length).fill(0);
  const areas = layers.map(({ name, color, own }) => {
    const values = own.map((bytes, index) => {
      sums[index] = (sums[index] ?? 0) + (bytes ?? 0);
      return available[index] === null ? null : (sums[index] ?? 0) / GB;
    });
    return { name, color, look: 'area' as const, values, text: textOf(own) };
  });
  function textOf(own: readonly Point[]) {
    return (index: number) => {
      const bytes = own[index] ?? null;
      return bytes === null ? null : format.memory(bytes);
    };
  }
  const limit = {
    name: t('limit'),
    color: 'var(--mlxm-bad)',
    look: 'limit' as const,
    values: new Array<number>(others.length).fill(total / GB),
    text: () => `${format.capacity(total)}\u00a0GB`,
  };
  const shape = base(log, 'memory', [...areas, limit]);
  return {
    ...shape,
    // The highest first: each covers what of it is not its own.
    lines: [...shape.lines.slice(0, -1).reverse(), ...shape.lines.slice(-1)],
    title: t('Memory'),
    unit: 'GB',
    least: total / GB,
    nothing: t('Not measured yet.'),
  };
}

function waitChart(log: MetricsLog, servers: readonly Named[], { t, format }: Host): ChartData {
  const lines: Entry[] = servers.flatMap(({ name, color }) => [
    { name, color, look: 'line', values: log.server(name, 'first_token_p50') },
    { name, color, look: 'rare', values: log.server(name, 'first_token_p95') },
  ]);
  const said = (name: string, figure: Figure) => {
    const values = log.server(name, figure);
    return (index: number) => {
      const value = values[index] ?? null;
      return value === null ? null : format.seconds(value);
    };
  };
  const legend = servers.map(({ name, color }) => {
    const [half, rare] = [said(name, 'first_token_p50'), said(name, 'first_token_p95')];
    const text = (index: number) => {
      const figures = [half(index), rare(index)].filter((figure) => figure !== null);
      return figures.length === 0 ? null : figures.join(' / ');
    };
    return { name, color, look: 'line' as const, text };
  });
  return {
    ...base(log, 'first_token', lines),
    legend,
    title: t('First token'),
    unit: t('s, median / 95th percentile'),
    least: 0.1,
    nothing: t('No model has answered yet.'),
  };
}

function base({ times, start, end }: MetricsLog, key: ChartData['key'], entries: readonly Entry[]) {
  return {
    key,
    times,
    start,
    end,
    lines: entries.map(({ look, color, values }) => ({ look, color, values })),
    legend: entries.map(({ name, look, color, text = () => null }) => ({
      name,
      look,
      color,
      text,
    })),
  };
}
