import { act } from 'preact/test-utils';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { ProblemError } from '../problem';
import type { MetricsHistory } from '../schema';
import type { Command } from '../store';
import { load, metrics, server } from '../testing/fixtures';
import { View } from '../testing/view';
import { MetricsView } from './metrics';

let view: View;

beforeEach(() => {
  // The library that draws looks at the screen as soon as it is loaded; jsdom has none to draw on.
  vi.stubGlobal('matchMedia', () => ({
    addEventListener: () => undefined,
    removeEventListener: () => undefined,
  }));
  view = new View();
});

afterEach(() => {
  view.end();
  vi.unstubAllGlobals();
});

const BUSY = load(9 * 2 ** 30, 41, 0.21, { requests: 7, errors: 1, queued: 3, tokens: 900 });

/** Two points of the minute before now. */
function history(rates: readonly number[] = [10, 20]): MetricsHistory {
  const now = Date.now() / 1000;
  return {
    step_seconds: 1,
    times: rates.map((_, index) => now - rates.length + index),
    total_bytes: 48 * 2 ** 30,
    system: {},
    total: { tokens_per_second: rates },
    servers: rates.length > 0 ? { coder: { tokens_per_second: rates } } : {},
  };
}

function asked(): readonly Command<'metrics'>[] {
  return view.store.sent.filter((one): one is Command<'metrics'> => one.command === 'metrics');
}

async function show(answer: () => Promise<unknown>, loads = { coder: BUSY }): Promise<void> {
  view.store.answer = answer;
  view.mount(MetricsView);
  await view.show({
    servers: Object.keys(loads).map((name) => server(name)),
    metrics: metrics(loads),
    history: { coder: [1, 2, 3] },
  });
}

function cell(row: string, figure: string): string | undefined {
  const found = view.el.querySelector(`tr[data-name="${row}"] [data-figure=${figure}]`);
  return found?.textContent.replaceAll('\u00a0', ' ');
}

function legend(chart: string): string {
  const list = view.el.querySelector(`[data-chart=${chart}] ul`);
  return list?.textContent.replaceAll('\u00a0', ' ') ?? '';
}

describe('the figures over time', () => {
  it('are asked for once, and go on with every sample', async () => {
    await show(() => Promise.resolve(history()));
    expect(asked()).toHaveLength(1);
    expect(asked()[0]?.step).toBe(1);
    expect(legend('rate')).toBe('coder 41 tok/s');
    expect(legend('first_token')).toBe('coder 0.21 s / 0.21 s');
    const later = metrics({ coder: { ...BUSY, tokens_per_second: 12 } });
    await view.show({ servers: [server('coder')], metrics: later });
    expect(legend('rate')).toBe('coder 12 tok/s');
    expect(asked()).toHaveLength(1);
  });

  it('stand in a table, with those that are not drawn', async () => {
    await show(() => Promise.resolve(history()));
    expect(
      ['rate', 'memory', 'queued', 'requests', 'errors', 'tokens'].map((figure) =>
        cell('coder', figure),
      ),
    ).toEqual(['41 tok/s', '9.0 GB', '3', '7', '1', '900']);
    expect(cell('coder', 'cpu')).toBe('–');
    // One server needs no total.
    expect(cell('', 'rate')).toBeUndefined();
    await view.show({ metrics: metrics({ coder: BUSY, vision: load(null, 9) }) });
    expect(cell('', 'rate')).toBe('50 tok/s');
  });

  it('reach as far back as is chosen', async () => {
    await show(() => Promise.resolve(history()));
    await view.press('24 h');
    const [, day] = asked();
    expect(day?.step).toBe(10);
    expect(Date.now() - Date.parse(day?.since ?? '')).toBeGreaterThan(23.9 * 3_600_000);
  });

  it('are asked for again after a break, in which they came to nobody', async () => {
    await show(() => Promise.resolve(history()));
    const state = view.store.snapshot();
    for (const status of ['reconnecting', 'live'] as const) {
      view.store.show({ ...state, connection: { status, problem: null } });
      await view.drawn();
    }
    expect(asked()).toHaveLength(2);
  });

  it('say what is missing, and try again; the last minute is there all the same', async () => {
    await show(() => Promise.reject(new ProblemError({ code: 'not_found', message: 'Which?' })));
    expect(view.text).toContain('What was measured before is missing: Which?');
    expect(legend('rate')).toBe('coder 41 tok/s');
    expect(slider('Tokens per second').ariaValueMax).toBe('2');
    view.store.answer = () => Promise.resolve(history());
    await view.press('Try again');
    expect(view.text).not.toContain('is missing');
  });

  it('are told by the keyboard, moment by moment', async () => {
    await show(() => Promise.resolve(history()));
    const time = slider('Tokens per second');
    expect(time.ariaValueText).toMatch(/^latest, coder 41/);
    await view.key(time, 'Home');
    expect(time.ariaValueText).toMatch(/:\d\d.*, coder 10/);
    expect(legend('rate')).toBe('coder 10 tok/s');
    expect(slider('First token').ariaValueNow).toBe('0');
    await view.key(time, 'Escape');
    expect(legend('rate')).toBe('coder 41 tok/s');
  });
});

describe('without figures', () => {
  it('it says how to get some, and lets one look further back', async () => {
    await show(() => Promise.resolve(history([])), {} as { coder: typeof BUSY });
    expect(view.text).toContain('No server has run in the last 15 min');
    expect(view.text).toContain('%mlx_serve MODEL');
    await view.press('24 h');
    expect(view.text).toContain('No server has run yet');
  });

  it('it keeps their place while they come', async () => {
    await show(() => new Promise(() => undefined));
    expect(view.el.querySelectorAll('.mlxm-chart-skeleton')).toHaveLength(3);
  });

  it('a saved picture has its last minute, and nothing to choose', async () => {
    view.mount(MetricsView);
    await view.show(
      { servers: [server('coder')], metrics: metrics({ coder: BUSY }), history: { coder: [1, 2] } },
      { status: 'saved', problem: null },
    );
    expect(asked()).toHaveLength(0);
    expect(view.el.querySelector('[role=radiogroup]')).toBeNull();
    expect(cell('coder', 'rate')).toBe('41 tok/s');
    await act(() => undefined);
  });
});

function slider(name: string): HTMLElement {
  const found = [...view.el.querySelectorAll<HTMLElement>('[role=slider]')].find((one) =>
    one.ariaLabel?.startsWith(name),
  );
  if (!found) {
    throw new Error(`There is no chart ${name}.`);
  }
  return found;
}
