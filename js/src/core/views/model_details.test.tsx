import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { ProblemError } from '../problem';
import type { Model, Verification } from '../schema';
import { INITIAL_STATE } from '../store';
import { fit, model } from '../testing/fixtures';
import { FoundModels } from '../testing/models_store';
import { View } from '../testing/view';
import { ModelsView } from './models';

const ID = 'mlx-community/Qwen3-8B-4bit';
const OTHER = 'mlx-community/Qwen3-4B-4bit';

let view: View;
let found: FoundModels;

beforeEach(() => {
  view = new View();
});

afterEach(() => {
  view.end();
});

async function unfold(row: Model, host: Parameters<View['mount']>[1] = {}): Promise<void> {
  found = new FoundModels(view.store, [row]);
  view.mount(ModelsView, host);
  await view.show({ library: { ...INITIAL_STATE.library, models: 1 } });
  await view.press('Details of Qwen3-8B-4bit');
}

const here = (more: Partial<Model> = {}) => model(ID, { local: true, complete: true, ...more });
const answered = (command: string, answer: () => unknown) => {
  const { also } = found;
  found.also = (asked) => (asked.command === command ? answer() : also(asked));
};

describe('the details of a model', () => {
  it('are facts, each with what it was read from', async () => {
    await unfold(
      here({
        capabilities: ['tools'],
        evidence: { tools: 'the chat template', context_length: 'config.json' },
        quantization: {
          method: 'mlx',
          bits: 4,
          mode: 'affine',
          group_size: 64,
          mixed: true,
          bits_per_weight: 4.6,
        },
        flags: { tool_call_parser: 'qwen3' },
      }),
    );
    const facts = Object.fromEntries(
      [...view.el.querySelectorAll('dt')].map((dt) => [
        dt.textContent,
        dt.nextElementSibling?.textContent,
      ]),
    );
    expect(facts).toMatchObject({
      Model: ID,
      Parameters: '8.2B',
      Quantization: '4-bit mixed, groups of 64, 4.6 bits per weight',
      Context: '40,960 tokensconfig.json',
      Capabilities: 'toolsthe chat template',
      Architecture: 'qwen3, Qwen',
      Engine: 'mlx-lm',
      Options: 'tool_call_parser=qwen3',
      License: 'apache-2.0',
      'Made from': 'Qwen/Qwen3-8B',
      Popularity: '123K downloads a month, 42 likes',
      Revision: 'a5339a4131f1',
    });
  });

  it('leave out what nobody knows', async () => {
    await unfold(here({ license: null, base_model: null, parameters: null }));
    const names = [...view.el.querySelectorAll('dt')].map((dt) => dt.textContent);
    expect(names).not.toContain('License');
    expect(names).not.toContain('Made from');
    expect(names).not.toContain('Parameters');
  });

  it('bring the files, and make the row more exact', async () => {
    const row = model(ID, { size_bytes: null, estimated_bytes: 4e9 });
    found = new FoundModels(view.store, [row]);
    view.mount(ModelsView);
    await view.show();
    expect(view.rowText(ID)).toContain('≈ 4.0 GB');
    const files = [{ path: 'model.safetensors', size_bytes: 4.3e9, sha256: 'abc' }];
    answered('model', () => ({ ...row, size_bytes: 4.3e9, files }));
    await view.press('Details of Qwen3-8B-4bit');
    expect(view.el.querySelector('summary')?.textContent).toContain('1 files, 4.3');
    expect(view.rowText(ID)).toContain('4.3 GB · 40k context');
    expect(view.rowText(ID)).not.toContain('≈');
  });

  it('say what they can not bring, beside what is known', async () => {
    found = new FoundModels(view.store, [here()]);
    view.mount(ModelsView);
    await view.show();
    answered('model', () => {
      throw new ProblemError({ code: 'hub_unreachable', message: 'No answer.' });
    });
    await view.press('Details of Qwen3-8B-4bit');
    expect(view.el.querySelector('.mlxm-details [role=alert]')?.textContent).toContain(
      'No answer.',
    );
    expect(view.text).toContain('apache-2.0');
  });

  it('say how much memory it takes, at the context that is chosen', async () => {
    await unfold(here());
    expect(view.text).toContain('It fits.');
    expect(view.text).toContain('weights 4.3 GB + cache 717 MB + engine 614 MB = 5.6 GB');
    expect(view.text).toContain('free now: 16.6 GB');
    answered('fit', () => fit(ID, { verdict: 'no', reason: 'Too large.', context_length: 32768 }));
    const select = view.el.querySelector<HTMLSelectElement>('.mlxm-fit select');
    expect([...(select?.options ?? [])].map(({ value }) => Number(value))).toEqual([
      4096, 8192, 16384, 32768,
    ]);
    if (select) {
      select.value = '32768';
      select.dispatchEvent(new Event('change', { bubbles: true }));
    }
    await view.drawn();
    expect(view.store.sent.at(-1)).toEqual({ command: 'fit', id: ID, context_length: 32768 });
    expect(view.text).toContain('Too large.');
  });

  it('lead to the smaller one that would fit', async () => {
    found = new FoundModels(view.store, [here(), model(OTHER)]);
    view.mount(ModelsView);
    await view.show();
    const alternative = {
      id: OTHER,
      needed_bytes: 3 * 2 ** 30,
      size_bytes: 2.3e9,
      bits: 4,
      local: false,
    };
    answered('fit', () => fit(ID, { verdict: 'no', alternative }));
    await view.press('Details of Qwen3-8B-4bit');
    await view.press('Show Qwen3-4B-4bit');
    await vi.waitFor(() => {
      expect(found.queries.at(-1)).toMatchObject({ source: 'hub', q: OTHER });
    });
    await view.drawn();
    expect(view.row(ID)).toBeNull();
    expect(view.row(OTHER)).not.toBeNull();
  });

  it('fold and unfold with the arrow keys', async () => {
    await unfold(here());
    const row = view.row(ID) ?? view.el;
    await view.key(row, 'ArrowLeft');
    expect(view.el.querySelector('.mlxm-details')).toBeNull();
    await view.key(row, 'ArrowRight');
    expect(view.el.querySelector('.mlxm-details')).not.toBeNull();
  });

  it('copy the id', async () => {
    const copy = vi.fn(() => Promise.resolve());
    await unfold(here(), { copy });
    await view.press(`Copy ${ID}`);
    expect(copy).toHaveBeenCalledWith(ID);
  });

  it('make a profile of it where there is a place for the form', async () => {
    const openProfile = vi.fn();
    await unfold(here(), { openProfile });
    await view.press('New profile for Qwen3-8B-4bit');
    expect(openProfile).toHaveBeenCalledWith({ values: { model: ID } });
  });

  it('do not offer to delete a folder of the user', async () => {
    found = new FoundModels(view.store, [model('/models/mine', { local: true, complete: true })]);
    view.mount(ModelsView);
    await view.show();
    await view.press('Details of mine');
    expect(view.labels()).not.toContain('Delete mine');
    expect(view.labels()).toContain('Verify every byte of mine');
    expect(view.el.querySelector('a')).toBeNull();
  });
});

describe('verifying', () => {
  const verification: Verification = {
    model: ID,
    revision: null,
    ok: true,
    files: 7,
    bytes: 4.6e9,
    unverifiable: [],
    damaged: [],
    missing: [],
  };

  it('says that it takes a while, then that all is well', async () => {
    await unfold(here());
    let finish: (answer: Verification) => void = () => undefined;
    answered('verify', () => new Promise((resolve) => (finish = resolve)));
    await view.press('Verify every byte of Qwen3-8B-4bit');
    expect(view.rowText(ID)).toContain('Checking every byte…');
    finish(verification);
    await view.drawn();
    expect(view.rowText(ID)).toContain('All 4.6 GB of 7 files are as they should be.');
  });

  it('names what is damaged or missing, and what to do', async () => {
    await unfold(here());
    answered('verify', () => ({
      ...verification,
      ok: false,
      damaged: ['model.safetensors'],
      missing: ['config.json'],
    }));
    await view.press('Verify every byte of Qwen3-8B-4bit');
    expect(view.row(ID)?.querySelector('[role=alert]')?.textContent).toContain(
      'model.safetensors is damaged, config.json is missing. Delete the model',
    );
  });
});
