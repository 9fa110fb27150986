import { expect, it } from 'vitest';

import { nearest } from './components/chart';
import { createFormat } from './format';
import { PLAIN_HOST } from './host';
import { chartsOf, slotsOf, type ChartData } from './metrics_charts';
import { MetricsLog, type Point } from './metrics_log';

const GB = 2 ** 30;
const HOST = { ...PLAIN_HOST, format: createFormat('en') };

type Columns = Readonly<Record<string, readonly Point[]>>;

/** Charts of two seconds on a machine with 48 GB. */
function drawn(servers: Readonly<Record<string, Columns>>, available: readonly Point[] = []) {
  const history = {
    ...{ step_seconds: 1, times: [1, 2], total_bytes: 48 * GB },
    ...{ system: { available_bytes: available }, total: { tokens_per_second: [10, 30] }, servers },
  };
  const [rate, memory, wait] = chartsOf(new MetricsLog(history, 900), { coder: 0 }, HOST);
  return { rate, memory, wait } as Record<'rate' | 'memory' | 'wait', ChartData>;
}

/** What the legend says at the last point. */
function legend(chart: ChartData): readonly string[] {
  return chart.legend.map(({ name, text }) =>
    `${name} ${text(1) ?? '–'}`.replaceAll('\u00a0', ' '),
  );
}

it('one server is its own total; of several there is a line for all', () => {
  const coder = { tokens_per_second: [10, 20] };
  expect(legend(drawn({ coder }).rate)).toEqual(['coder 20 tok/s']);
  const { rate } = drawn({ coder, vision: { tokens_per_second: [null, 10] } });
  expect(legend(rate)).toEqual(['total 30 tok/s', 'coder 20 tok/s', 'vision 10 tok/s']);
  // Behind the others, whose values it may have.
  expect(rate.lines[0]?.look).toBe('total');
});

it('memory is stacked upon that of other apps, up to the limit', () => {
  const servers = {
    coder: { memory_bytes: [9 * GB, 9 * GB] },
    vision: { memory_bytes: [null, 4 * GB] },
  };
  const { memory } = drawn(servers, [20 * GB, 20 * GB]);
  // From the highest area to the lowest, for each covers the ones before it.
  expect(memory.lines.map(({ look, values }) => [look, values])).toEqual([
    ['area', [28, 28]],
    ['area', [28, 24]],
    ['area', [19, 15]],
    ['limit', [48, 48]],
  ]);
  expect(legend(memory)).toEqual([
    'other apps 15.0 GB',
    'coder 9.0 GB',
    'vision 4.0 GB',
    'limit 48 GB',
  ]);
});

it('memory ends where nothing was measured, and is never less than nothing', () => {
  // What processes share counts for each of them.
  const { memory } = drawn({ coder: { memory_bytes: [40 * GB, null] } }, [20 * GB, null]);
  expect(memory.lines.map(({ values }) => values)).toEqual([
    [40, null],
    [0, null],
    [48, 48],
  ]);
});

it('the first token has a usual and a rare case', () => {
  const coder = { first_token_p50: [0.2, 0.21], first_token_p95: [0.4, 0.48] };
  const { wait } = drawn({ coder, idle: {} });
  expect(legend(wait)).toEqual(['coder 0.21 s / 0.48 s', 'idle –']);
  expect(wait.lines.map(({ look }) => look)).toEqual(['line', 'rare', 'line', 'rare']);
});

it('servers that are gone get colours that no other has', () => {
  expect(slotsOf(['a', 'coder', 'z'], { coder: 1 })).toEqual({ coder: 1, a: 0, z: 2 });
});

it.each([
  [0, 0],
  [14, 0],
  [16, 1],
  [99, 2],
])('the point nearest to %d is number %d', (time, index) => {
  expect(nearest([10, 20, 30], time)).toBe(index);
});

it('axes say as little as says it, and moments are those of a clock', () => {
  expect([0, 0.25, 12, 1200, 25_000].map((value) => HOST.format.plain(value))).toEqual([
    '0',
    '0.25',
    '12',
    '1,200',
    '25K',
  ]);
  const noon = new Date(2026, 0, 31, 12, 3, 7).getTime() / 1000;
  expect(HOST.format.clock(noon)).toMatch(/^12:03\sPM$/);
  expect(HOST.format.clock(noon, true)).toMatch(/^12:03:07\sPM$/);
});
