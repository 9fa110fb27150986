import { act } from 'preact/test-utils';
import { describe, expect, it } from 'vitest';

import { server, snapshot } from '../core/testing/fixtures';
import { FakeModel } from './testing/fake_model';
import type { PanelTraits } from './model_store';
import widget from './servers_panel';

type Props = Parameters<typeof widget.render>[0];

describe('the servers panel', () => {
  it.each(['signal', 'cleanup'])('draws, and ends by its %s', async (way) => {
    const fake = new FakeModel<PanelTraits>({
      state: { ...snapshot([server('coder')]), connection: 'live' },
    });
    const el = document.createElement('div');
    const host = new AbortController();
    // Hosts before AFM 0.4 hand no signal.
    const props = { model: fake.model, el, ...(way === 'signal' && { signal: host.signal }) };
    let end: unknown;
    await act(async () => {
      end = await widget.render(props as unknown as Props);
    });
    expect(el.querySelector('li[data-name]')?.textContent).toContain('coder');
    // No notebook to insert a cell into, no tab for a log: those buttons stay out.
    expect([...el.querySelectorAll('button')].map((one) => one.ariaLabel)).toEqual([
      'Copy base URL for coder',
      'Logs of coder',
      'Restart coder',
      'Stop coder',
    ]);
    await act(() => {
      if (way === 'signal') {
        host.abort();
      } else {
        (end as () => void)();
      }
    });
    expect(el.textContent).toBe('');
    expect(fake.listeners).toBe(0);
  });
});
