import { describe, expect, it } from 'vitest';

import { HISTORY_POINTS, reduce } from './reduce';
import type { AnyEvent } from './schema';
import { INITIAL_STATE, type State } from './store';
import { download, load, metrics, server, snapshot } from './testing/fixtures';

const base = reduce(INITIAL_STATE, snapshot([server('coder'), server('vision')]));

function after(state: State, ...events: AnyEvent[]): State {
  return events.reduce(reduce, state);
}

const names = (state: State) => state.servers.map(({ name }) => name);

describe('a snapshot', () => {
  it('replaces everything, whatever was there', () => {
    const next = after(
      { ...base, stale: true },
      snapshot([server('other')], { id: 'b-7', gateway_url: 'http://elsewhere/v1' }),
    );
    expect(names(next)).toEqual(['other']);
    expect(next).toMatchObject({
      lastId: 'b-7',
      stale: false,
      gatewayUrl: 'http://elsewhere/v1',
    });
  });
});

describe('state changes', () => {
  it('change a server in its place', () => {
    const next = after(base, {
      type: 'servers.changed',
      id: 'a-2',
      server: server('coder', { state: 'stopping' }),
    });
    expect(names(next)).toEqual(['coder', 'vision']);
    expect(next.servers[0]?.state).toBe('stopping');
  });

  it('add a new server where its name belongs', () => {
    const next = after(base, { type: 'servers.changed', id: 'a-2', server: server('third') });
    expect(names(next)).toEqual(['coder', 'third', 'vision']);
  });

  it('remove a server with its history and colour', () => {
    const next = after(
      base,
      { type: 'metrics.sampled', id: 'a-1', metrics: metrics({ coder: load(1), vision: load(1) }) },
      { type: 'servers.removed', id: 'a-2', name: 'coder' },
    );
    expect(names(next)).toEqual(['vision']);
    expect(Object.keys(next.history)).toEqual(['vision']);
    expect(next.colors).toEqual({ vision: 1 });
  });

  it('add and remove profiles', () => {
    const profile = { name: 'p', model: 'm' } as State['profiles'][number];
    const added = after(base, { type: 'profiles.changed', id: 'a-2', profile });
    expect(added.profiles).toEqual([profile]);
    expect(after(added, { type: 'profiles.removed', id: 'a-3', name: 'p' }).profiles).toEqual([]);
  });

  it('put a download last when it is new, else in its place, and take it away', () => {
    const [one, two] = [download('d1'), download('d2')];
    const listed = after(
      base,
      { type: 'downloads.changed', id: 'a-2', download: one },
      { type: 'downloads.changed', id: 'a-3', download: two },
      { type: 'downloads.changed', id: 'a-4', download: { ...one, state: 'paused' } },
    );
    expect(listed.downloads.map(({ id, state }) => [id, state])).toEqual([
      ['d1', 'paused'],
      ['d2', 'running'],
    ]);
    const next = after(listed, { type: 'downloads.removed', id: 'a-5', download_id: 'd1' });
    expect(next.downloads).toEqual([two]);
  });

  it('replace the figures of the library and what is known of the catalogue', () => {
    const library = { ...base.library, version: 2, models: 11 };
    const catalogue = { ...base.catalogue, state: 'syncing' as const, models: 3000 };
    const next = after(
      base,
      { type: 'models.changed', id: 'a-2', library },
      { type: 'catalogue.changed', id: 'a-3', catalogue },
    );
    expect(next).toMatchObject({ library, catalogue, stale: false });
  });

  it('give a freed colour to the next newcomer, and leave the others theirs', () => {
    const next = after(
      base,
      { type: 'servers.removed', id: 'a-2', name: 'coder' },
      { type: 'servers.changed', id: 'a-3', server: server('third') },
    );
    expect(next.colors).toEqual({ vision: 1, third: 0 });
  });

  it('leave the state before untouched', () => {
    const frozen = structuredClone(base);
    after(base, { type: 'servers.removed', id: 'a-2', name: 'coder' });
    expect(base).toEqual(frozen);
  });
});

describe('gaps', () => {
  const removed = (id: string): AnyEvent => ({ type: 'servers.removed', id, name: 'coder' });

  it('mark the state stale, and nothing more is believed until a snapshot', () => {
    const stale = after(base, removed('a-3'));
    expect(stale).toEqual({ ...base, stale: true });
    expect(after(stale, removed('a-2'))).toBe(stale);
    expect(after(stale, snapshot([], { id: 'a-4' })).stale).toBe(false);
  });

  it('are seen when another epoch begins', () => {
    expect(after(base, removed('b-2')).stale).toBe(true);
  });

  it('are seen when metrics come from after a change that never came', () => {
    const event: AnyEvent = { type: 'metrics.sampled', id: 'a-2', metrics: metrics() };
    expect(after(base, event).stale).toBe(true);
  });

  it('are not seen in an event that comes twice', () => {
    const once = after(base, removed('a-2'));
    expect(after(once, removed('a-2'))).toBe(once);
  });

  it('are not seen in samples, which share the number of the last change', () => {
    const sample: AnyEvent = { type: 'metrics.sampled', id: 'a-1', metrics: metrics() };
    const progress: AnyEvent = {
      type: 'downloads.progressed',
      id: 'a-1',
      download: download('d1', { bytes_done: 7 }),
    };
    const next = after(base, sample, progress, progress, removed('a-2'));
    expect(next).toMatchObject({ stale: false, downloads: [{ id: 'd1', bytes_done: 7 }] });
  });
});

describe('history', () => {
  it('keeps a minute of points for each server', () => {
    let state = base;
    for (let second = 1; second <= HISTORY_POINTS + 5; second += 1) {
      const sample = metrics({ coder: load(1, second) });
      state = reduce(state, { type: 'metrics.sampled', id: 'a-1', metrics: sample });
    }
    expect(state.history.coder).toHaveLength(HISTORY_POINTS);
    expect(state.history.coder?.[0]).toBe(6);
    expect(state.history.coder?.at(-1)).toBe(HISTORY_POINTS + 5);
  });

  it('goes on from the points of the snapshot', () => {
    const state = after(base, snapshot([server('coder')], { history: { coder: [1, 2] } }), {
      type: 'metrics.sampled',
      id: 'a-1',
      metrics: metrics({ coder: load(1, 3) }),
    });
    expect(state.history.coder).toEqual([1, 2, 3]);
  });
});
