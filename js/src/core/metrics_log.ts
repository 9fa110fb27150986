import type { Metrics, MetricsHistory, ServerLoad } from './schema';

/** What is known of a moment; null where it is not. */
export type Point = number | null;

/** Of a server, and of all together. */
export const FIGURES = [
  'tokens_per_second',
  'memory_bytes',
  'first_token_p50',
  'first_token_p95',
] as const;

export type Figure = (typeof FIGURES)[number];

/** How far back to look, and how many seconds there are between two points. */
export interface Range {
  readonly key: '15m' | '1h' | '24h';
  readonly seconds: number;
  readonly step: 1 | 10;
}

export const RANGES: readonly Range[] = [
  { key: '15m', seconds: 15 * 60, step: 1 },
  { key: '1h', seconds: 60 * 60, step: 10 },
  { key: '24h', seconds: 24 * 60 * 60, step: 10 },
];

/** Samples come late on a busy machine: what is further apart was not measured between. */
const LATE_SECONDS = 5;

const SYSTEM = 'system';
const TOTAL = 'total';
/** Keeps a server that is called like one of the two above apart from it. */
const SERVER = '@';

/** What stands for several samples, as the extension does it: no peak of memory is averaged away. */
const FOLDS: Readonly<Record<string, (before: number, value: number, count: number) => number>> = {
  tokens_per_second: (mean, value, count) => mean + (value - mean) / count,
  memory_bytes: Math.max,
  available_bytes: Math.min,
};

/**
 * What was measured, as columns of equal length that grow at their end and are cut at their
 * beginning. It begins with what the extension remembers, and goes on with the samples that come.
 *
 * Where a step is longer than the second between two samples, one point stands for all of it. Where
 * nothing was measured there is a point without values, so that a line ends there and does not pretend.
 */
export class MetricsLog {
  readonly times: number[] = [];
  /** Counts the points that came, for whoever draws them. */
  version = 0;
  private readonly columns = new Map<string, Point[]>();
  private readonly step: number;
  /** When the latest sample was taken. */
  private latest: number;
  /** How many samples are in the last point. */
  private folded = 1;

  constructor(
    history: MetricsHistory,
    private readonly seconds: number,
  ) {
    this.step = history.step_seconds;
    this.totalBytes = history.total_bytes;
    const columns = [...columnsOf(history)];
    history.times.forEach((time, index) => {
      this.push(time, new Map(columns.map(([key, points]) => [key, points[index] ?? null])));
    });
    this.latest = this.end;
    this.cut();
  }

  /** Memory of the machine, or what servers are limited to. */
  readonly totalBytes: number;

  /** The end of what is shown; the latest moment that anything is known of. */
  get end(): number {
    return this.times.at(-1) ?? 0;
  }

  get start(): number {
    return this.end - this.seconds;
  }

  /** All that ran in this time, by name. */
  get servers(): readonly string[] {
    const names = new Set<string>();
    for (const key of this.columns.keys()) {
      if (key.startsWith(SERVER)) {
        names.add(key.slice(SERVER.length, key.lastIndexOf(' ')));
      }
    }
    return [...names].sort();
  }

  /** Takes a sample; an old one is known already. */
  add(metrics: Metrics): void {
    const time = Date.parse(metrics.time) / 1000;
    if (!(time > this.latest)) {
      return;
    }
    this.latest = time;
    // Samples are not exactly a second apart: only longer steps have fixed beginnings.
    const began = this.step > 1 ? Math.floor(time / this.step) * this.step : time;
    const values = valuesOf(metrics);
    if (began <= this.end) {
      this.fold(values);
      return;
    }
    this.push(began, values);
    this.folded = 1;
    this.cut();
  }

  /** Memory that can be had without swapping. */
  available(): readonly Point[] {
    return this.column(`${SYSTEM} available_bytes`);
  }

  total(figure: Figure): readonly Point[] {
    return this.column(`${TOTAL} ${figure}`);
  }

  server(name: string, figure: Figure): readonly Point[] {
    return this.column(`${SERVER}${name} ${figure}`);
  }

  private column(key: string): readonly Point[] {
    return this.columns.get(key) ?? new Array<Point>(this.times.length).fill(null);
  }

  private push(time: number, values: ReadonlyMap<string, Point>): void {
    if (this.times.length > 0 && time - this.end > Math.max(LATE_SECONDS, 2.5 * this.step)) {
      this.append(this.end + this.step, new Map());
    }
    this.append(time, values);
  }

  private append(time: number, values: ReadonlyMap<string, Point>): void {
    for (const key of values.keys()) {
      if (!this.columns.has(key)) {
        this.columns.set(key, new Array<Point>(this.times.length).fill(null));
      }
    }
    this.times.push(time);
    for (const [key, points] of this.columns) {
      points.push(values.get(key) ?? null);
    }
    this.version += 1;
  }

  private fold(values: ReadonlyMap<string, Point>): void {
    const last = this.times.length - 1;
    this.folded += 1;
    for (const [key, value] of values) {
      const points = this.columns.get(key);
      const before = points?.[last] ?? null;
      // A server that came up meanwhile begins with the next point.
      if (points && value !== null) {
        const fold = FOLDS[key.slice(key.lastIndexOf(' ') + 1)];
        points[last] = before === null || !fold ? value : fold(before, value, this.folded);
      }
    }
  }

  /** Forgets what is before the first moment shown, but for one point to draw the line from. */
  private cut(): void {
    const inside = this.times.findIndex((time) => time >= this.start);
    if (inside > 1) {
      this.times.splice(0, inside - 1);
      for (const [key, points] of this.columns) {
        points.splice(0, inside - 1);
        if (key.startsWith(SERVER) && points.every((point) => point === null)) {
          this.columns.delete(key);
        }
      }
    }
  }
}

function* columnsOf(history: MetricsHistory): Iterable<[string, readonly Point[]]> {
  yield [`${SYSTEM} available_bytes`, history.system.available_bytes ?? []];
  for (const figure of FIGURES) {
    yield [`${TOTAL} ${figure}`, history.total[figure] ?? []];
    for (const [name, columns] of Object.entries(history.servers)) {
      yield [`${SERVER}${name} ${figure}`, columns[figure] ?? []];
    }
  }
}

function valuesOf({ memory, total, servers }: Metrics): Map<string, Point> {
  const values = new Map<string, Point>([[`${SYSTEM} available_bytes`, memory.available_bytes]]);
  const put = (who: string, load: ServerLoad) => {
    for (const figure of FIGURES) {
      values.set(`${who} ${figure}`, load[figure]);
    }
  };
  put(TOTAL, total);
  for (const [name, load] of Object.entries(servers)) {
    put(SERVER + name, load);
  }
  return values;
}
