import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { ProblemError } from '../problem';
import type { Download } from '../schema';
import { download, model, problem } from '../testing/fixtures';
import { FoundModels } from '../testing/models_store';
import { View } from '../testing/view';
import { DownloadsView } from './downloads';
import { ModelsView } from './models';

const ID = 'mlx-community/Qwen3-8B-4bit-DWQ';
const refusal = problem('The network dropped.', { hint: 'It goes on by itself.' });

let view: View;

beforeEach(() => {
  view = new View();
});

afterEach(() => {
  view.end();
});

/** The section with one download. */
async function shown(more: Partial<Download>): Promise<void> {
  view.mount(DownloadsView);
  await view.show({ downloads: [download('d1', more)] });
}

const bar = () => view.el.querySelector('[role=progressbar]');

describe('a download', () => {
  it('that runs says how far, how fast and how long, and can be stopped', async () => {
    await shown({});
    expect(view.rowText(ID)).toBe(
      'Qwen3-8B-4bit-DWQ61% · 84 MB/s · 21 s2.9 of 4.6 GB · file 2 of 3PauseCancel',
    );
    expect(bar()?.ariaValueNow).toBe('62');
    await view.press('Pause the download of Qwen3-8B-4bit-DWQ');
    expect(view.store.sent).toEqual([{ command: 'pause', download_id: 'd1' }]);
  });

  it('that does not know yet what to fetch says so', async () => {
    await shown({ bytes_total: null, bytes_done: 0, rate: null, eta_seconds: null });
    expect(view.rowText(ID)).toContain('asking what there is to fetch');
    expect(bar()?.ariaValueNow).toBeNull();
  });

  it('that is paused goes on when asked', async () => {
    await shown({ state: 'paused' });
    expect(view.rowText(ID)).toContain('61% · paused');
    await view.press('Resume the download of Qwen3-8B-4bit-DWQ');
    expect(view.store.sent).toEqual([{ command: 'resume', download_id: 'd1' }]);
  });

  it('that waits says for what', async () => {
    await shown({ state: 'queued', bytes_done: 0 });
    expect(view.rowText(ID)).toContain('waits for its turn');
    const retry_at = new Date(Date.now() + 11_500).toISOString();
    await view.show({
      downloads: [download('d1', { state: 'queued', retry_at, error: refusal })],
    });
    expect(view.rowText(ID)).toMatch(/tries again in 1[12] s: The network dropped\. It goes on/);
  });

  it('that is checked says so', async () => {
    await shown({ state: 'verifying', bytes_done: 4.6e9 });
    expect(view.rowText(ID)).toContain('checking every byte · 4.6 GB');
    expect(view.labels()).toEqual(['Cancel the download of Qwen3-8B-4bit-DWQ']);
  });

  it('that failed says why and what next, and can be tried again or forgotten', async () => {
    await shown({ state: 'failed', error: problem('Gated.', { hint: 'Accept the terms.' }) });
    expect(view.rowText(ID)).toContain('Gated. Accept the terms.');
    await view.press('Try again to download Qwen3-8B-4bit-DWQ');
    await view.press('Dismiss the download of Qwen3-8B-4bit-DWQ');
    expect(view.store.sent).toEqual([
      { command: 'resume', download_id: 'd1' },
      { command: 'cancel', download_id: 'd1' },
    ]);
  });

  it('that ended stays until it is dismissed', async () => {
    const finished_at = new Date(Date.now() - 120_000).toISOString();
    await shown({ state: 'done', finished_at });
    expect(view.rowText(ID)).toContain('4.6 GB · 2 minutes ago');
    expect(view.labels()).toEqual(['Dismiss the download of Qwen3-8B-4bit-DWQ']);
  });

  it('is cancelled at once while it costs little, else on the second press', async () => {
    await shown({ bytes_done: 5e6 });
    await view.press('Cancel the download of Qwen3-8B-4bit-DWQ');
    expect(view.store.sent).toHaveLength(1);
    await view.show({ downloads: [download('d1')] });
    await view.press('Cancel the download of Qwen3-8B-4bit-DWQ');
    expect(view.store.sent).toHaveLength(1);
    expect(view.rowText(ID)).toContain('Remove the 2.9 GB that were fetched?');
    await view.press('Remove');
    expect(view.store.sent.at(-1)).toEqual({ command: 'cancel', download_id: 'd1' });
  });

  it('says in its row what could not be done', async () => {
    await shown({});
    view.store.answer = () =>
      Promise.reject(new ProblemError({ code: 'conflict', message: 'It has ended.' }));
    await view.press('Pause the download of Qwen3-8B-4bit-DWQ');
    expect(view.row(ID)?.querySelector('[role=alert]')?.textContent).toContain('It has ended.');
  });
});

describe('the section', () => {
  it('lists the latest first', async () => {
    view.mount(DownloadsView);
    await view.show();
    expect(view.text).toContain('No downloads');
    await view.show({ downloads: [download('d1'), download('d2', { model: 'a/later' })] });
    const names = [...view.el.querySelectorAll<HTMLElement>('li')].map((row) => row.dataset.name);
    expect(names).toEqual(['a/later', ID]);
  });

  it('tells a screen reader how each ends, and nothing between', async () => {
    view.mount(DownloadsView);
    const spoken = () =>
      [...view.el.querySelectorAll('[aria-live]')].map((one) => one.textContent).join('');
    await view.show({ downloads: [download('d1', { state: 'done' }), download('d2')] });
    await view.show({ downloads: [download('d2', { state: 'paused' })] });
    expect(spoken()).toBe('');
    await view.show({ downloads: [download('d2', { state: 'failed', error: refusal })] });
    expect(spoken()).toBe('Qwen3-8B-4bit-DWQ: failed. The network dropped.');
    await view.show({ downloads: [download('d2', { state: 'done' })] });
    expect(spoken()).toBe('Qwen3-8B-4bit-DWQ: downloaded');
  });
});

describe('among the models', () => {
  const rows = () =>
    [...view.el.querySelectorAll<HTMLElement>('.mlxm-scroller li')].map((row) => row.dataset.name);

  it('a download is in the place of its model, or above all where that is not listed', async () => {
    new FoundModels(view.store, [model('a/first'), model(ID)]);
    view.mount(ModelsView);
    await view.show({ downloads: [download('d1'), download('d2', { model: 'a/elsewhere' })] });
    expect(rows()).toEqual(['a/elsewhere', 'a/first', ID]);
    expect(view.rowText(ID)).toContain('61% · 84 MB/s · 21 s');
    expect(view.rowText(ID)).not.toContain('to spare');
    expect(view.rowText('a/elsewhere')).toContain('61%');
  });

  it('an ended one leaves its place to the model', async () => {
    new FoundModels(view.store, [model(ID)]);
    view.mount(ModelsView);
    await view.show({ downloads: [download('d1', { state: 'done' })] });
    expect(rows()).toEqual([ID]);
    expect(view.rowText(ID)).toContain('fits, 11 GB to spare');
  });

  it('the keyboard stays in the row where a download begins', async () => {
    new FoundModels(view.store, [model(ID)]);
    view.mount(ModelsView);
    await view.show();
    view.button('Download Qwen3-8B-4bit-DWQ').focus();
    await view.show({ downloads: [download('d1')] });
    expect(document.activeElement).toBe(view.row(ID));
  });

  it('there may be nothing but downloads', async () => {
    new FoundModels(view.store, []);
    view.mount(ModelsView);
    await view.show({ downloads: [download('d1')] });
    expect(rows()).toEqual([ID]);
    expect(view.text).toContain('No models on this machine yet');
  });
});
