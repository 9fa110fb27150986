import type { Metrics, MetricsHistory, ServerLoad } from '../src/core/schema';
import type { Command, State } from '../src/core/store';

/** A day that had its ups and downs, up to now. */
export function past({ metrics }: State, { since, step }: Command<'metrics'>): MetricsHistory {
  const end = Date.now() / 1000;
  const start = Date.parse(since) / 1000;
  const all = Array.from({ length: Math.floor((end - start) / step) }, (_, i) => start + i * step);
  // A while in which the machine slept.
  const times = all.filter((_, i) => i < all.length * 0.42 || i > all.length * 0.47);
  const whole = all.length;
  const column = (of: (share: number, time: number) => number | null) =>
    times.map((time) => of((time - start) / (whole * step), time));
  const total = metrics?.memory.total_bytes ?? 1;
  const servers = Object.fromEntries(
    Object.entries(metrics?.servers ?? {}).map(([name, load], place) => {
      const from = 0.1 + 0.2 * place;
      const later = (value: (time: number) => number | null) =>
        column((share, time) => (share < from ? null : value(time)));
      return [
        name,
        {
          memory_bytes: later(() => load.memory_bytes),
          tokens_per_second: later((time) => waving(load.tokens_per_second, time, place)),
          first_token_p50: later((time) => half(load, time)),
          first_token_p95: later((time) => rare(load, time)),
        },
      ];
    }),
  );
  const sum = (figure: 'tokens_per_second') =>
    times.map((_, i) =>
      Object.values(servers).reduce((all, columns) => all + (columns[figure][i] ?? 0), 0),
    );
  const held = times.map((_, i) =>
    Object.values(servers).reduce((all, columns) => all + (columns.memory_bytes[i] ?? 0), 0),
  );
  return {
    step_seconds: step,
    times,
    total_bytes: total,
    system: {
      available_bytes: times.map(
        (time, i) => total * (0.6 + 0.02 * Math.sin(time / 200)) - (held[i] ?? 0),
      ),
    },
    total: { tokens_per_second: sum('tokens_per_second') },
    servers,
  };
}

/** A second later. */
export function sampled(metrics: Metrics): Metrics {
  const time = Date.now() / 1000;
  const servers = Object.fromEntries(
    Object.entries(metrics.servers).map(([name, load], place) => [
      name,
      {
        ...load,
        tokens_per_second: waving(load.requests > 0 ? 41 / (place + 1) : 0, time, place),
      },
    ]),
  );
  const rate = Object.values(servers).reduce((sum, load) => sum + load.tokens_per_second, 0);
  const total = { ...metrics.total, tokens_per_second: rate };
  return { ...metrics, time: new Date().toISOString(), servers, total };
}

function waving(peak: number, time: number, place: number): number {
  const slow = 0.75 + 0.2 * Math.sin(time / 70 + place) + 0.03 * Math.sin(time * 0.4);
  const quiet = Math.sin(time / 130 + 2 * place) < -0.85;
  return quiet ? 0 : Math.round(peak * slow * 10) / 10;
}

function half({ first_token_p50: value }: ServerLoad, time: number): number | null {
  return value === null ? null : value * (1 + 0.15 * Math.sin(time / 90));
}

function rare({ first_token_p95: value }: ServerLoad, time: number): number | null {
  return value === null ? null : value * (1 + 0.3 * Math.sin(time / 60));
}
