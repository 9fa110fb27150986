import { act } from 'preact/test-utils';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { ProblemError } from '../problem';
import type { Catalogue, Library, Model } from '../schema';
import { INITIAL_STATE } from '../store';
import { download, metrics, model, problem, server } from '../testing/fixtures';
import { FoundModels } from '../testing/models_store';
import { View } from '../testing/view';
import { ModelsView } from './models';

const GB = 2 ** 30;
const SMALL = 'mlx-community/Qwen3-8B-4bit';
const LARGE = 'mlx-community/Qwen3-32B-bf16';
const HERE = { local: true, complete: true } as const;
const READY: Catalogue = { ...INITIAL_STATE.catalogue, state: 'ready', models: 10_000 };

let view: View;
let found: FoundModels;

beforeEach(() => {
  view = new View();
  found = new FoundModels(view.store, []);
});

afterEach(() => {
  view.end();
});

/** A panel that found these models on this machine; or on the Hub. */
async function listed(models: readonly Model[], more: Parameters<View['show']>[0] = {}) {
  found.models = models;
  view.mount(ModelsView);
  await view.show({ library: { ...INITIAL_STATE.library, models: models.length }, ...more });
}

async function onHub(models: readonly Model[], more: Parameters<View['show']>[0] = {}) {
  await listed(models, { catalogue: READY, ...more });
  await view.press('Hugging Face');
}

const commands = () => view.store.sent.filter(({ command }) => command !== 'models');

describe('a row', () => {
  it('of the Hub says whether it fits and what it can do, and downloads', async () => {
    await onHub([model(SMALL, { capabilities: ['tools', 'reasoning'] })]);
    expect(view.rowText(SMALL)).toBe(
      'Qwen3-8B-4bitDownloadmlx-community · 4.6 GB · 40k context' +
        'fits, 11 GB to spare4-bittoolsreasoning',
    );
    await view.press('Download Qwen3-8B-4bit');
    expect(commands()).toEqual([{ command: 'download', wanted: { model: SMALL } }]);
  });

  it('marks what is only a guess', async () => {
    await onHub([model(SMALL, { size_bytes: null, estimated_bytes: 4.5e9 })]);
    expect(view.rowText(SMALL)).toContain('≈ 4.5 GB');
    expect(view.rowText(SMALL)).toContain('fits, ≈ 11 GB to spare');
  });

  it.each([
    ['tight', { fit: 'tight', spare_bytes: 1.9 * GB }, 'tight: 1.9 GB to spare', 'warn'],
    ['no', { fit: 'no', needed_bytes: 71 * GB, spare_bytes: -50 * GB }, 'needs 71 GB', 'no'],
  ] as const)('says in words and tone when it is %s', async (_, more, words, tone) => {
    await onHub([model(SMALL, more)]);
    const badge = view.row(SMALL)?.querySelector<HTMLElement>('.mlxm-badge');
    expect(badge?.textContent.replaceAll('\u00a0', ' ')).toBe(words);
    expect(badge?.dataset.tone).toBe(tone);
  });

  it('offers details first where a download makes no sense', async () => {
    const offline = { ...READY, offline: true };
    await onHub([model(LARGE, { fit: 'no' }), model(SMALL, { engine_problem: 'Too new.' })]);
    expect(view.labels(view.row(LARGE) ?? undefined)).toEqual(['Details of Qwen3-32B-bf16']);
    expect(view.rowText(SMALL)).toContain("can't run here");
    expect(view.labels(view.row(SMALL) ?? undefined)).toEqual(['Details of Qwen3-8B-4bit']);
    found.models = [model('a/b')];
    await view.show({ catalogue: offline });
    await view.search('a/b');
    expect(view.labels(view.row('a/b') ?? undefined)).toEqual(['Details of b']);
  });

  it('of this machine serves', async () => {
    const used_at = new Date(Date.now() - 2 * 86_400_000).toISOString();
    await listed([model(SMALL, { ...HERE, used_at, profiles: ['coder'] })]);
    expect(view.rowText(SMALL)).toContain(
      'mlx-community · 4.6 GB · used 2 days ago · profile coder',
    );
    await view.press('Serve Qwen3-8B-4bit');
    expect(commands()).toEqual([{ command: 'serve', model: SMALL }]);
  });

  it('says who serves it instead, and nothing of memory that is taken already', async () => {
    await listed([model(SMALL, HERE)], { servers: [server('coder', { model: SMALL })] });
    expect(view.rowText(SMALL)).toMatch(/coder/);
    expect(view.rowText(SMALL)).not.toContain('to spare');
    expect(view.labels(view.row(SMALL) ?? undefined)).toEqual(['Details of Qwen3-8B-4bit']);
  });

  it('of a model that is not all here goes on with it', async () => {
    await listed([model(SMALL, { local: true, partial_bytes: 1.2e9 })]);
    expect(view.rowText(SMALL)).toContain('1.2 of 4.6 GB here');
    await view.press('Resume the download of Qwen3-8B-4bit');
    expect(commands()).toEqual([{ command: 'download', wanted: { model: SMALL } }]);
  });

  it('marks what is gated, and quantization that MLX did not make', async () => {
    const quantization = {
      method: 'gptq',
      bits: 4,
      mode: 'affine',
      group_size: null,
      mixed: false,
      bits_per_weight: null,
    };
    await onHub([model(SMALL, { gated: true, quantization })]);
    expect(view.rowText(SMALL)).toContain('gated');
    expect(view.rowText(SMALL)).toContain('gptq');
  });

  it('says in its place what could not be done', async () => {
    await listed([model(SMALL, HERE)]);
    found.also = () => {
      throw new ProblemError({ code: 'out_of_memory', message: 'Too large.', hint: 'Stop one.' });
    };
    await view.press('Serve Qwen3-8B-4bit');
    const alert = view.row(SMALL)?.querySelector('[role=alert]');
    expect(alert?.textContent).toContain('Too large. Stop one.');
    await view.press('Dismiss message');
    expect(view.row(SMALL)?.querySelector('[role=alert]')).toBeNull();
  });

  it('shows whatever it is called as text', async () => {
    const evil = 'a/<img src=x onerror=alert(1)>';
    await listed([model(evil, { ...HERE, license: evil, evidence: { license: evil } })]);
    await view.press(`Details of <img src=x onerror=alert(1)>`);
    expect(view.el.querySelector('img')).toBeNull();
    expect(view.text).toContain('<img src=x');
  });
});

describe('filters', () => {
  const last = () => found.queries.at(-1);

  it('are toggles that search at once', async () => {
    await onHub([model(SMALL)]);
    for (const chip of ['fits ✓', '4-bit', '8-bit', 'vision']) {
      await view.press(chip);
      expect(view.button(chip).ariaPressed).toBe('true');
    }
    expect(last()).toMatchObject({ source: 'hub', fits: true, bits: [4, 8], vision: true });
    await view.press('4-bit');
    expect(last()?.bits).toEqual([8]);
  });

  it('have menus of what was found', async () => {
    await onHub([model(SMALL), model('me/gemma', { family: 'Gemma' }), model('me/b')]);
    const menu = view.el.querySelector<HTMLSelectElement>('select[aria-label=family]');
    expect([...(menu?.options ?? [])].map(({ text }) => text)).toEqual([
      'any family',
      'Qwen',
      'Gemma',
    ]);
    if (menu) {
      menu.value = 'Gemma';
      menu.dispatchEvent(new Event('change', { bubbles: true }));
    }
    await view.drawn();
    expect(last()?.family).toBe('Gemma');
  });

  it('put what one works with first, until words say otherwise', async () => {
    await listed([model(SMALL, HERE)]);
    expect(last()).toMatchObject({ source: 'local', sort: 'used' });
    await view.search('Qwen');
    expect(last()).toMatchObject({ q: 'Qwen', sort: 'relevance' });
  });

  it('are a radio group for the place to look', async () => {
    await listed([model(SMALL, HERE)]);
    const radios = [...view.el.querySelectorAll<HTMLElement>('[role=radio]')];
    expect(radios.map((radio) => [radio.ariaChecked, radio.tabIndex])).toEqual([
      ['true', 0],
      ['false', -1],
    ]);
    if (radios[0]) {
      await view.key(radios[0], 'ArrowRight');
    }
    expect(document.activeElement).toBe(radios[1]);
    expect(last()?.source).toBe('hub');
  });

  it('let Escape empty the box', async () => {
    await onHub([model(SMALL)]);
    await view.search('gemma');
    expect(view.row(SMALL)).toBeNull();
    await view.key(view.searchBox, 'Escape');
    expect(view.searchBox.value).toBe('');
    expect(view.row(SMALL)).not.toBeNull();
  });
});

describe('instead of rows', () => {
  it('there is a skeleton before the first answer', async () => {
    view.store.answer = () => new Promise(() => undefined);
    view.mount(ModelsView);
    await view.show();
    expect(view.el.querySelectorAll('.mlxm-skeleton').length).toBeGreaterThan(0);
    expect(view.text).not.toMatch(/No models|Nothing/);
  });

  it('there is a way to the first model', async () => {
    await listed([]);
    expect(view.text).toContain('No models on this machine yet');
    found.models = [model(SMALL)];
    await view.press('Find one on Hugging Face');
    expect(found.queries.at(-1)?.source).toBe('hub');
    expect(view.row(SMALL)).not.toBeNull();
  });

  it('the filters are blamed that hide something', async () => {
    await onHub([]);
    const answer = view.store.answer;
    view.store.answer = (command, signal) =>
      command.command === 'models' && !command.query.vision
        ? Promise.resolve({ models: [], total: 12 })
        : answer(command, signal);
    await view.press('vision');
    expect(view.text).toContain('No model passes the filters');
    expect(view.text).toContain('vision hides 12');
    await view.press('Clear filters');
    expect(view.button('vision').ariaPressed).toBe('false');
  });

  it('there is the other place to look, when words find nothing here', async () => {
    await listed([model(SMALL, HERE)]);
    await view.search('gemma');
    expect(view.text).toContain('Nothing found for “gemma”');
    found.models = [model('a/gemma')];
    await view.press('Search on Hugging Face');
    expect(found.queries.at(-1)).toMatchObject({ source: 'hub', q: 'gemma' });
    expect(view.row('a/gemma')).not.toBeNull();
  });

  it('an error is an error, until it can be had', async () => {
    view.mount(ModelsView);
    view.store.answer = () =>
      Promise.reject(new ProblemError({ code: 'hub_unreachable', message: 'No answer.' }));
    await view.show();
    expect(view.el.querySelector('[role=alert]')?.textContent).toContain('No answer.');
    expect(view.text).not.toMatch(/No models|Nothing/);
    found = new FoundModels(view.store, [model(SMALL, HERE)]);
    await view.press('Try again to list the models');
    expect(view.row(SMALL)).not.toBeNull();
  });

  it('a picture without a kernel offers nothing', async () => {
    await listed([model(SMALL, HERE)]);
    await view.show({}, { status: 'saved', problem: null });
    expect(view.text).toContain('Run the cell again');
    expect(view.labels()).toEqual([]);
  });
});

describe('the catalogue', () => {
  it('says how far it is read', async () => {
    await onHub([], { catalogue: { ...READY, state: 'syncing', models: 3000 } });
    expect(view.text).toContain('Reading the catalogue: 3,000 models…');
  });

  it('says that it is offline, and how old', async () => {
    const synced_at = new Date(Date.now() - 3 * 86_400_000).toISOString();
    await onHub([model(SMALL)], { catalogue: { ...READY, offline: true, synced_at } });
    expect(view.text).toContain('Offline by your settings: this is the catalogue as it was 3 days');
  });

  it('says why it is old, and tries again', async () => {
    await onHub([model(SMALL)], { catalogue: { ...READY, error: problem('No network.') } });
    expect(view.text).toContain('No network.');
    await view.press('Try again to read the catalogue');
    expect(commands()).toEqual([{ command: 'sync' }]);
  });

  it('is asked again once it was read', async () => {
    await onHub([model(SMALL)]);
    const before = found.queries.length;
    await view.show({ catalogue: { ...READY, synced_at: new Date().toISOString() } });
    expect(found.queries).toHaveLength(before + 1);
  });
});

describe('the list follows', () => {
  const library = (version: number): Library => ({ ...INITIAL_STATE.library, models: 1, version });
  const free = (bytes: number) => ({
    ...metrics(),
    memory: { ...metrics().memory, available_bytes: bytes },
  });

  it('the models of this machine, and keeps quiet about it', async () => {
    await listed([model(SMALL, HERE)], { library: library(1) });
    found.models = [model(SMALL, HERE), model(LARGE, HERE)];
    await view.show({ library: library(2) });
    expect(view.row(LARGE)).not.toBeNull();
    expect(found.queries).toHaveLength(2);
  });

  it('free memory, in steps that matter', async () => {
    await listed([model(SMALL, HERE)], { metrics: free(16 * GB), library: library(1) });
    await view.show({ metrics: free(15.7 * GB), library: library(1) });
    expect(found.queries).toHaveLength(1);
    await view.show({ metrics: free(15.4 * GB), library: library(1) });
    expect(found.queries).toHaveLength(2);
  });
});

describe('deleting', () => {
  it('asks first, says what it frees, and leaves the keyboard on the way out', async () => {
    await listed([model(SMALL, { ...HERE, profiles: ['coder'] })]);
    view.row(SMALL)?.focus();
    await view.key(view.row(SMALL) ?? view.el, 'Delete');
    expect(view.rowText(SMALL)).toContain('Delete Qwen3-8B-4bit? This frees 4.6 GB.');
    expect(view.rowText(SMALL)).toContain('Used by the profile coder.');
    expect(document.activeElement?.textContent).toBe('Keep');
    await view.key(document.activeElement ?? view.el, 'Escape');
    expect(view.rowText(SMALL)).not.toContain('frees');
    expect(document.activeElement).toBe(view.row(SMALL));
    expect(commands()).toEqual([]);
  });

  it('is done on the second press', async () => {
    await listed([model(SMALL, HERE)]);
    await view.press('Details of Qwen3-8B-4bit');
    await view.press('Delete Qwen3-8B-4bit');
    await view.press('Delete');
    expect(commands()).toContainEqual({ command: 'delete_model', id: SMALL });
    expect(view.rowText(SMALL)).not.toContain('frees');
  });

  it('says in the row why it was refused', async () => {
    await listed([model(SMALL, HERE)]);
    found.also = () => {
      throw new ProblemError({ code: 'model_in_use', message: 'It is served by coder.' });
    };
    await view.key(view.row(SMALL) ?? view.el, 'Delete');
    await view.press('Delete');
    expect(view.rowText(SMALL)).toContain('It is served by coder.');
  });

  it('is for nobody whose model is not here', async () => {
    await onHub([model(SMALL)]);
    await view.key(view.row(SMALL) ?? view.el, 'Delete');
    expect(view.text).not.toContain('frees');
  });
});

describe('what downloads left', () => {
  const library = { ...INITIAL_STATE.library, models: 1, partial_bytes: 2.1e9 };

  it('can be cleaned up, on the second press', async () => {
    await listed([model(SMALL, HERE)], { library });
    found.also = () => ({ freed_bytes: 2.1e9, models: [] });
    await view.press('Clean up unfinished files');
    expect(commands()).toEqual([]);
    await view.press('Remove');
    expect(commands()).toEqual([{ command: 'prune' }]);
    expect(view.text).toContain('2.1 GB are free again.');
  });

  it('is no left-over while somebody downloads', async () => {
    await listed([model(SMALL, HERE)], { library, downloads: [download('d1')] });
    expect(view.text).not.toContain('unfinished');
  });
});

it('tells a screen reader how many there are, once the typing rests', async () => {
  await onHub([model(SMALL), model(LARGE)]);
  const spoken = () => view.el.querySelector('[data-kind=models] [aria-live]')?.textContent;
  expect(spoken()).toBe('');
  await act(() => new Promise((resolve) => setTimeout(resolve, 700)));
  expect(spoken()).toBe('2 models');
});
