import { act } from 'preact/test-utils';
import { describe, expect, it, vi } from 'vitest';

import { download, model, profile, snapshot } from '../core/testing/fixtures';
import downloads from './downloads_panel';
import metrics from './metrics_panel';
import type { PanelTraits } from './model_store';
import models from './models_panel';
import profiles from './profiles_panel';
import { FakeModel } from './testing/fake_model';

async function open(widget: typeof models) {
  const fake = new FakeModel<PanelTraits>({
    state: {
      ...snapshot([], { downloads: [download('d1')], profiles: [profile('coder')] }),
      connection: 'live',
    },
  });
  const el = document.createElement('div');
  const host = new AbortController();
  await act(async () => {
    await widget.render({ model: fake.model, el, signal: host.signal } as unknown as Parameters<
      typeof widget.render
    >[0]);
  });
  return { fake, el, host };
}

describe('the models panel', () => {
  it('searches through the kernel, and shows what that found', async () => {
    const { fake, el, host } = await open(models);
    const asked = fake.sent.find(({ command }) => command === 'models');
    expect(asked).toMatchObject({ query: { source: 'local', q: '' } });
    const result = { models: [model('a/found')], total: 1 };
    await act(() => {
      fake.fire('msg:custom', { call: asked?.call, ok: true, result });
    });
    await vi.waitFor(() => {
      expect(el.querySelector('[data-name="a/found"]')?.textContent).toContain('Download');
    });
    host.abort();
    expect(fake.listeners).toBe(0);
  });
});

describe('the downloads panel', () => {
  it('shows the downloads and nothing else', async () => {
    const { el, host } = await open(downloads);
    expect([...el.querySelectorAll('h2')].map((title) => title.textContent)).toEqual(['Downloads']);
    expect(el.querySelector('li')?.textContent).toContain('Qwen3-8B-4bit-DWQ');
    host.abort();
    expect(el.textContent).toBe('');
  });
});

describe('the profiles panel', () => {
  it('opens a form in the place of the list, and asks the kernel to check it', async () => {
    const { fake, el, host } = await open(profiles);
    await act(() => {
      el.querySelector<HTMLElement>('[aria-label="New profile"]')?.click();
    });
    expect(el.querySelector('form')?.ariaLabel).toBe('New profile');
    expect(fake.sent).toContainEqual(expect.objectContaining({ command: 'check_profile' }));
    await act(() => {
      el.querySelector<HTMLElement>('[aria-label="Close the form"]')?.click();
    });
    await vi.waitFor(() => {
      expect(el.querySelector('[data-name=coder]')).not.toBeNull();
    });
    host.abort();
    expect(el.textContent).toBe('');
  });
});

describe('the metrics panel', () => {
  it('asks the kernel for the past', async () => {
    const { fake, el, host } = await open(metrics);
    expect(fake.sent).toContainEqual(expect.objectContaining({ command: 'metrics', step: 1 }));
    expect([...el.querySelectorAll('h2')].map((title) => title.textContent)).toEqual(['Metrics']);
    host.abort();
    expect(el.textContent).toBe('');
  });
});
