import { act } from 'preact/test-utils';
import { expect, it } from 'vitest';

import { createFormat } from '../format';
import { PLAIN_HOST } from '../host';
import { reduce } from '../reduce';
import type { Download } from '../schema';
import { INITIAL_STATE } from '../store';
import { FakeStore } from '../testing/fake_store';
import { download, snapshot } from '../testing/fixtures';
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
