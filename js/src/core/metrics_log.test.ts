import { describe, expect, it } from 'vitest';

import { MetricsLog } from './metrics_log';
import type { MetricsHistory } from './schema';
import { load, metrics } from './testing/fixtures';

const START = 1_700_000_000;

function history(rates: readonly (number | null)[], step = 1): MetricsHistory {
  return {
    step_seconds: step,
    times: rates.map((_, index) => START + index * step),
    total_bytes: 48e9,
    system: {},
    total: { tokens_per_second: rates },
    servers: { coder: { tokens_per_second: rates } },
  };
}

function sample(second: number, rate: number, bytes = 1e9) {
  const time = new Date((START + second) * 1000).toISOString();
  return metrics({ coder: load(bytes, rate) }, { time });
}

describe('MetricsLog', () => {
  it('goes on with the samples where the history ends, and takes none twice', () => {
    const log = new MetricsLog(history([1, 2, 3]), 900);
    log.add(sample(2, 99));
    log.add(sample(3, 4));
    log.add(sample(3, 4));
    expect(log.server('coder', 'tokens_per_second')).toEqual([1, 2, 3, 4]);
    expect(log.times.at(-1)).toBe(START + 3);
  });

  it('ends a line where nothing was measured', () => {
    const log = new MetricsLog(history([1, 2]), 900);
    log.add(sample(60, 7));
    expect(log.server('coder', 'tokens_per_second')).toEqual([1, 2, null, 7]);
  });

  it('lets one point stand for a longer step: means of rates, peaks of memory', () => {
    const log = new MetricsLog(history([10], 10), 3600);
    log.add(sample(10, 2, 1e9));
    log.add(sample(11, 4, 5e9));
    log.add(sample(12, 6, 2e9));
    expect(log.server('coder', 'tokens_per_second')).toEqual([10, 4]);
    expect(log.server('coder', 'memory_bytes')).toEqual([null, 5e9]);
  });

  it('forgets what is before the time that is shown, and servers that ran then alone', () => {
    const log = new MetricsLog(history([1, 2]), 10);
    const only = { gone: load(1e9, 5) };
    log.add(metrics(only, { time: new Date((START + 2) * 1000).toISOString() }));
    for (let second = 3; second < 30; second += 1) {
      log.add(sample(second, second));
    }
    expect(log.servers).toEqual(['coder']);
    expect(log.times).toHaveLength(12);
    expect(log.start).toBe(START + 19);
  });
});
