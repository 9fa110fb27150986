import { act } from 'preact/test-utils';
import { expect, it } from 'vitest';

import { snapshot } from '../core/testing/fixtures';
import { FakeModel } from './testing/fake_model';
import type { PanelTraits } from './model_store';
import widget from './models_panel';

it.each(['local', 'hub'])('asks the source that it was made for first: %s', async (source) => {
  const fake = new FakeModel<PanelTraits>({
    state: { ...snapshot([]), connection: 'live' },
    source,
  });
  const life = new AbortController();
  const el = document.createElement('div');
  const props = { model: fake.model, el, signal: life.signal };
  await act(async () => {
    await widget.render(props as unknown as Parameters<typeof widget.render>[0]);
  });
  const asked = fake.sent.find((message) => message.command === 'models');
  expect(asked).toMatchObject({ query: { source } });
  await act(() => {
    life.abort();
  });
  expect(el.textContent).toBe('');
});
