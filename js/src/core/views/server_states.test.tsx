import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import type { Server } from '../schema';
import { load, metrics, problem, server } from '../testing/fixtures';
import { View } from '../testing/view';
import { ServersBody } from './servers_body';

let view: View;

beforeEach(() => {
  view = new View();
});

afterEach(() => {
  view.end();
});

async function show(more: Partial<Server>, host: Parameters<View['mount']>[1] = {}) {
  view.mount(ServersBody, host);
  await view.show({ servers: [server('coder', more)] });
}

const badges = () => [...view.el.querySelectorAll('.mlxm-badge')].map((one) => one.textContent);
const inSeconds = (seconds: number) => new Date(Date.now() + seconds * 1000).toISOString();

describe('a ready server', () => {
  it('has no marks while nothing about it is unusual', async () => {
    await show({});
    expect(badges()).toEqual([]);
  });

  it('offers to restart for what was changed', async () => {
    await show({ restart_to_apply: true });
    expect(badges()).toEqual(['profile was changed']);
    await view.press('Restart to apply what was changed in coder');
    expect(view.store.sent).toEqual([{ command: 'restart', name: 'coder' }]);
  });

  it.each([
    [{ health: 'silent' }, 'does not answer'],
    [{ health: 'busy' }, 'busy'],
    [{ restarts: 1 }, 'restarted once'],
    [{ restarts: 3 }, 'restarted 3 times'],
    [{ pinned: true }, 'pinned'],
  ] as const)('says %j', async (more, text) => {
    await show(more);
    expect(badges()).toEqual([text]);
  });

  it('says what whoever started it should know', async () => {
    await show({ note: 'Memory is tight.' });
    expect(view.rowText('coder')).toContain('Memory is tight.');
  });

  it('says when it is unloaded, unless it works', async () => {
    const idle = { idle_unload_seconds: 1200, last_used_at: inSeconds(-290) };
    await show(idle);
    expect(badges()).toEqual(['unloads in 15\u00a0m']);
    const busy = { ...load(1e9, 9), in_flight: 1 };
    await view.show({ servers: [server('coder', idle)], metrics: metrics({ coder: busy }) });
    expect(badges()).toEqual([]);
  });

  it('is where its address is, if it runs elsewhere', async () => {
    await show({ engine: 'remote', port: null, base_url: 'http://studio.local:8888/v1' });
    expect(view.rowText('coder')).toContain('studio.local:8888');
  });
});

describe('a failed server', () => {
  it('counts down to the next try, which can be had at once or not at all', async () => {
    await show({
      state: 'failed',
      restarts: 1,
      retry_at: inSeconds(7.5),
      error: problem('Crash.'),
    });
    expect(view.rowText('coder')).toContain('tries again in 8 s · 2nd time');
    expect(view.labels()).toEqual(['Logs of coder', 'Start coder now', 'Stop coder']);
    await view.press('Stop coder');
    expect(view.store.sent).toEqual([{ command: 'stop', name: 'coder' }]);
  });

  it.each(['no_weights', 'corrupt_weights', 'model_unusable'])(
    'fetches again what %s says',
    async (code) => {
      const error = problem('Bad file.', { code });
      await show({ state: 'failed', error, model: 'org/model', revision: 'abc' });
      await view.press('Download again: model');
      expect(view.store.sent).toEqual([
        { command: 'download', wanted: { model: 'org/model', revision: 'abc' } },
      ]);
      expect(view.rowText('coder')).toContain('is being fetched');
    },
  );

  it.each(['/models/mine', '~/model', './model', 'C:\\models\\mine'])(
    'does not offer to fetch the folder %s',
    async (model) => {
      const error = problem('Bad file.', { code: 'corrupt_weights' });
      await show({ state: 'failed', error, model });
      expect(view.labels()).not.toContain('Download again: model');
    },
  );

  it('opens the profile whose value it did not take', async () => {
    const openProfile = vi.fn();
    const error = problem('No such flag.', { code: 'unsupported_field' });
    await show({ state: 'failed', error, profile: 'mine' }, { openProfile });
    await view.press('Edit the profile mine');
    expect(openProfile).toHaveBeenCalledWith({ name: 'mine' });
  });

  it('can be started although the memory says no, or in a smaller build', async () => {
    const error = problem('Too large.', { code: 'not_enough_memory', candidates: ['org/small'] });
    await show({ state: 'failed', error, profile: 'mine' });
    await view.press('Start anyway');
    await view.press('Serve small instead');
    expect(view.store.sent).toEqual([
      { command: 'serve', name: 'coder', profile: 'mine', force: true },
      { command: 'serve', model: 'org/small' },
    ]);
  });
});
