/** Keeps a figure and its unit on one line. */
const NBSP = '\u00a0';
const KILO = 1e3;
const MEGA = 1e6;
const GIGA = 1e9;
const TERA = 1e12;
const KIBI = 2 ** 10;
const MEBI = 2 ** 20;
const GIBI = 2 ** 30;
const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const LEAST: readonly [Intl.RelativeTimeFormatUnit, number] = ['second', MINUTE];
const AGES: readonly (readonly [Intl.RelativeTimeFormatUnit, number])[] = [
  ['year', 365 * DAY],
  ['month', 30 * DAY],
  ['week', 7 * DAY],
  ['day', DAY],
  ['hour', HOUR],
  ['minute', MINUTE],
];

/**
 * Figures in the user's own number format. Files are counted in decimal units (1 GB = 10⁹ bytes), as
 * the Hub and Finder do; memory in binary ones under the same name, as makers and Activity Monitor
 * do, or a Mac sold with 48 GB would show 51.5.
 */
export interface Format {
  /** `9.2 GB`, `650 MB`, `1.2 TB`. */
  bytes(bytes: number): string;
  /** `2.4` of `3.9 GB`: in the unit that `bytes` would give the other size. */
  amount(bytes: number, like: number): string;
  /** `9.2 GB`, `650 MB` of memory. */
  memory(bytes: number): string;
  /** `9.2`: gigabytes of memory, where the unit stands beside it already. */
  gigabytes(bytes: number): string;
  /** `11 GB`, `1.9 GB` of memory: where it is a forecast, and two digits say enough. */
  room(bytes: number): string;
  /** `48`: gigabytes of memory that do not change, so that no digit has to be kept free. */
  capacity(bytes: number): string;
  /** `41 tok/s`; one decimal below ten, where it matters. */
  rate(tokensPerSecond: number): string;
  /** `84 MB/s`. */
  speed(bytesPerSecond: number): string;
  /** `62%` of a share from 0 to 1; never 100 before the end. */
  percent(share: number): string;
  /** `8.2B`, `123K`. */
  compact(count: number): string;
  /** `4,096`. */
  number(count: number): string;
  /** `0.25`, `12`: as few digits as say it, beside an axis. */
  plain(value: number): string;
  /** `40k`, `1M` tokens, as makers of models count them: a k is 1024. */
  tokens(count: number): string;
  /** `2 days ago`, `yesterday`, `now`. */
  ago(seconds: number): string;
  /** `0.21 s`, `12 s`: how long something took. */
  seconds(seconds: number): string;
  /** `14:03`, or `14:03:27`, of seconds since 1970: where the day is clear. */
  clock(seconds: number, exact?: boolean): string;
  /** `12 s`, `5 m`, `1 h 12 m`, `3 d 4 h`: how long something has been going on. */
  duration(seconds: number): string;
}

/** A `Format` for a BCP 47 locale; without one, the browser's. */
export function createFormat(locale?: string): Format {
  const digits = (minimum: number, maximum: number) => {
    const number = new Intl.NumberFormat(locale, {
      minimumFractionDigits: minimum,
      maximumFractionDigits: maximum,
    });
    return (value: number) => number.format(value);
  };
  const [whole, tenth, tenthAtMost, hundredth, hundredthAtMost] = [
    digits(0, 0),
    digits(1, 1),
    digits(0, 1),
    digits(2, 2),
    digits(0, 2),
  ];

  const giga = (count: number) => (count < 99.95 ? tenth : whole)(count);
  const amount = (bytes: number, like: number) => {
    const unit = unitOf(like);
    return (unit.size >= GIGA ? giga : whole)(bytes / unit.size);
  };
  const bytes = (size: number) => `${amount(size, size)}${NBSP}${unitOf(size).name}`;
  const count = (value: number, unit: string) => `${whole(Math.floor(value))}${NBSP}${unit}`;
  const percent = new Intl.NumberFormat(locale, { style: 'percent' });
  const compact = new Intl.NumberFormat(locale, {
    notation: 'compact',
    maximumSignificantDigits: 3,
  });
  const [minutes, exactly] = (['short', 'medium'] as const).map(
    (timeStyle) => new Intl.DateTimeFormat(locale, { timeStyle }),
  );
  const relative = new Intl.RelativeTimeFormat(locale, { numeric: 'auto' });
  return {
    amount,
    bytes,
    speed: (bytesPerSecond) => `${bytes(bytesPerSecond)}/s`,
    percent: (share) => percent.format(Math.floor(Math.min(1, share) * 100) / 100),
    compact: (value) => compact.format(value),
    number: whole,
    plain: (value) => (value < 10_000 ? hundredthAtMost(value) : compact.format(value)),
    tokens(value) {
      const kilo = value % KIBI === 0 ? KIBI : KILO;
      if (value < KILO) {
        return whole(value);
      }
      return value >= kilo * kilo
        ? `${tenthAtMost(value / (kilo * kilo))}M`
        : `${whole(value / kilo)}k`;
    },
    ago(seconds) {
      const [unit, size] = AGES.find(([, length]) => seconds >= length) ?? LEAST;
      return relative.format(-Math.floor(seconds / size), unit);
    },
    room(held) {
      const tens = Math.abs(held) >= 9.95 * GIBI;
      return tens ? `${whole(held / GIBI)}${NBSP}GB` : this.memory(held);
    },
    memory(held) {
      const large = held >= 999.5 * MEBI;
      return large ? `${giga(held / GIBI)}${NBSP}GB` : `${whole(held / MEBI)}${NBSP}MB`;
    },
    gigabytes: (held) => giga(held / GIBI),
    capacity: (held) => tenthAtMost(held / GIBI),
    rate(tokensPerSecond) {
      const number = tokensPerSecond > 0 && tokensPerSecond < 9.95 ? tenth : whole;
      return `${number(tokensPerSecond)}${NBSP}tok/s`;
    },
    seconds(seconds) {
      return `${(seconds < 9.995 ? hundredth : whole)(seconds)}${NBSP}s`;
    },
    clock: (seconds, exact = false) => (exact ? exactly : minutes)?.format(seconds * 1000) ?? '',
    duration(seconds) {
      const total = Math.max(0, seconds);
      if (total < MINUTE) {
        return count(total, 's');
      }
      if (total < HOUR) {
        return count(total / MINUTE, 'm');
      }
      return total < DAY
        ? `${count(total / HOUR, 'h')}${NBSP}${count((total % HOUR) / MINUTE, 'm')}`
        : `${count(total / DAY, 'd')}${NBSP}${count((total % DAY) / HOUR, 'h')}`;
    },
  };
}

/** 999.6 MB would round to 1,000 MB, which nobody writes. */
function unitOf(bytes: number): { readonly size: number; readonly name: string } {
  if (bytes >= 999.5 * GIGA) {
    return { size: TERA, name: 'TB' };
  }
  if (bytes >= 999.5 * MEGA) {
    return { size: GIGA, name: 'GB' };
  }
  return bytes >= MEGA ? { size: MEGA, name: 'MB' } : { size: KILO, name: 'kB' };
}

/** The same words, kept on one line. */
export function unbroken(text: string): string {
  return text.replaceAll(' ', NBSP);
}

/** `Qwen3-8B-4bit` of a repo id or of a folder's path. */
export function shortModel(model: string): string {
  return (
    model
      .replace(/[\\/]+$/, '')
      .split(/[\\/]/)
      .pop() ?? model
  );
}

/** Seconds since an ISO 8601 moment; never negative, clocks differ. */
export function secondsSince(moment: string, now: number): number {
  return Math.max(0, (now - Date.parse(moment)) / 1000);
}
