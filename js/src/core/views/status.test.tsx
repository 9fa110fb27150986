import { act } from 'preact/test-utils';
import { expect, it } from 'vitest';

import { createFormat } from '../format';
import { PLAIN_HOST } from '../host';
import { reduce } from '../reduce';
import type { Download } from '../schema';
import { INITIAL_STATE } from '../store';
import { FakeStore } from '../testing/fake_store';
import { download, load, metrics, server, snapshot } from '../testing/fixtures';
import { renderStatus } from './status';

it.each<[string, readonly Download[], string]>([
  ['nothing', [], ''],
  ['one', [download('d1')], '⬇ 1 download · 61%'],
  ['the sum of all', [download('d1'), download('d2')], '⬇ 2 downloads · 61%'],
  ['no share that nobody knows', [download('d1', { bytes_total: null })], '⬇ 1 download'],
  ['none that waits for a person', [download('d1', { state: 'paused' })], ''],
])('the status bar shows of downloads %s', (_, downloads, text) => {
  const el = document.createElement('div');
  const store = new FakeStore();
  const life = new AbortController();
  store.show(reduce(INITIAL_STATE, snapshot([], { downloads })));
  void act(() => {
    const host = { ...PLAIN_HOST, format: createFormat('en') };
    renderStatus(el, store, life.signal, () => undefined, host);
  });
  expect(el.textContent).toBe(`MLX idle${text}`);
  life.abort();
});

it.each([
  ['what runs, how fast and in how much memory', 41, '2 running · 41 tok/s · 13.0 GB'],
  ['no speed while nothing answers', 0, '2 running · 13.0 GB'],
])('the status bar shows of servers %s', (_, rate, text) => {
  const el = document.createElement('div');
  const store = new FakeStore();
  const life = new AbortController();
  const loads = { coder: load(9 * 2 ** 30, rate), vision: load(4 * 2 ** 30) };
  const servers = Object.keys(loads).map((name) => server(name));
  store.show(reduce(INITIAL_STATE, snapshot(servers, { metrics: metrics(loads) })));
  void act(() => {
    const host = { ...PLAIN_HOST, format: createFormat('en') };
    renderStatus(el, store, life.signal, () => undefined, host);
  });
  expect(el.textContent.replaceAll('\u00a0', ' ')).toBe(`MLX ${text}`);
  life.abort();
});
