import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { ProblemError } from '../core/problem';
import { problem, server, snapshot } from '../core/testing/fixtures';
import { FakeModel } from './testing/fake_model';
import { ModelStore, type PanelTraits, type WireState } from './model_store';

const LONGER_THAN_SILENCE_MS = 60_000;

let fake: FakeModel<PanelTraits>;
let life: AbortController;

beforeEach(() => {
  vi.useFakeTimers();
  life = new AbortController();
});

afterEach(() => {
  life.abort();
  vi.useRealTimers();
});

function wire(names: readonly string[], connection = 'live'): WireState {
  return { ...snapshot(names.map((name) => server(name))), connection };
}

function open(state: WireState = wire(['coder'])): ModelStore {
  fake = new FakeModel<PanelTraits>({ state });
  return new ModelStore(fake.model, life.signal);
}

const names = (store: ModelStore) => store.snapshot().servers.map(({ name }) => name);
const status = (store: ModelStore) => store.snapshot().connection.status;

describe('facts', () => {
  it('are the trait, from the first moment', () => {
    const store = open();
    expect(names(store)).toEqual(['coder']);
    expect(status(store)).toBe('live');
  });

  it('follow the trait', () => {
    const store = open();
    const changed = vi.fn();
    const leave = store.subscribe(changed);
    fake.put({ state: wire(['coder', 'vision']) });
    expect(names(store)).toEqual(['coder', 'vision']);
    expect(changed).toHaveBeenCalledOnce();
    leave();
    fake.put({ state: wire([]) });
    expect(changed).toHaveBeenCalledOnce();
  });

  it('stay when the kernel only knows that it lost the extension', () => {
    const store = open();
    fake.put({ state: { connection: 'reconnecting' } });
    expect(names(store)).toEqual(['coder']);
    expect(status(store)).toBe('reconnecting');
  });

  it('carry the problem of a kernel that was refused', () => {
    const refusal = problem('No.');
    const store = open({ connection: 'refused', problem: refusal });
    expect(store.snapshot().connection).toEqual({ status: 'refused', problem: refusal });
    expect(store.snapshot().hardware).toBeNull();
  });

  it('keep the colour of a server', () => {
    const store = open(wire(['coder', 'vision']));
    fake.put({ state: wire(['vision']) });
    expect(store.snapshot().colors).toEqual({ vision: 1 });
  });
});

describe('commands', () => {
  it('go out with a number and resolve with the answer of that number', async () => {
    const store = open();
    const logs = store.send({ command: 'logs', name: 'coder', lines: 5 });
    const sent = fake.sent.at(-1);
    expect(sent).toMatchObject({ command: 'logs', name: 'coder', lines: 5 });
    fake.fire('msg:custom', { call: 'of another view', ok: false });
    fake.fire('msg:custom', { call: sent?.call, ok: true, result: { lines: ['x'] } });
    expect(await logs).toEqual({ lines: ['x'] });
  });

  it('may name a model by its id', async () => {
    const store = open();
    const asked = store.send({ command: 'model', id: 'a/b' });
    const sent = fake.sent.at(-1);
    expect(sent).toMatchObject({ command: 'model', id: 'a/b' });
    fake.fire('msg:custom', { call: sent?.call, ok: true, result: { id: 'a/b' } });
    expect(await asked).toEqual({ id: 'a/b' });
  });

  it('reject with the problem', async () => {
    const store = open();
    const stopped = store.send({ command: 'stop', name: 'coder' });
    const refusal = problem('Which?', { code: 'unknown_server' });
    fake.fire('msg:custom', { call: fake.sent.at(-1)?.call, ok: false, problem: refusal });
    await expect(stopped).rejects.toMatchObject({ problem: refusal });
  });
});

it('stops waiting for an answer that nobody wants any more', async () => {
  const store = open();
  const query = new AbortController();
  const searched = store.send({ command: 'model', id: 'a/b' }, query.signal);
  const reason = new Error('scrolled away');
  query.abort(reason);
  await expect(searched).rejects.toBe(reason);
  fake.fire('msg:custom', { call: fake.sent.at(-1)?.call, ok: true, result: {} });
  await expect(store.send({ command: 'prune' }, query.signal)).rejects.toBe(reason);
});

it('draws a picture of an older version, which knows no downloads', () => {
  const { downloads, library, catalogue, ...older } = wire(['coder']);
  const store = open(older);
  expect(names(store)).toEqual(['coder']);
  expect(store.snapshot()).toMatchObject({ downloads, library, catalogue });
});

describe('a picture without a kernel', () => {
  it('is one that does not answer a ping', () => {
    const store = open();
    expect(fake.sent).toMatchObject([{ command: 'ping' }]);
    vi.advanceTimersByTime(LONGER_THAN_SILENCE_MS);
    expect(status(store)).toBe('saved');
    expect(names(store)).toEqual(['coder']);
  });

  it('is none when the kernel answers, or just goes on', () => {
    for (const sign of ['msg:custom', 'change:state']) {
      const store = open();
      fake.fire(sign, { call: 'whatever', ok: true });
      vi.advanceTimersByTime(LONGER_THAN_SILENCE_MS);
      expect(status(store)).toBe('live');
    }
  });

  it('comes to life when the kernel does', () => {
    const store = open();
    vi.advanceTimersByTime(LONGER_THAN_SILENCE_MS);
    fake.put({ state: wire(['vision']) });
    expect(status(store)).toBe('live');
  });

  it('takes no commands, and drops those that wait', async () => {
    const store = open();
    const waiting = store.send({ command: 'stop', name: 'coder' });
    fake.fire('comm:close');
    await expect(waiting).rejects.toBeInstanceOf(ProblemError);
    await expect(store.send({ command: 'stop', name: 'coder' })).rejects.toThrow('No kernel');
  });

  it('is one that cannot even be asked', async () => {
    const store = open();
    fake.disposed = true;
    await expect(store.send({ command: 'stop', name: 'coder' })).rejects.toThrow('No kernel');
    expect(status(store)).toBe('saved');
    fake.fire('comm_live_update');
    expect(status(store)).toBe('saved');
  });

  it('is asked for again when the connection to the kernel changes', () => {
    const store = open();
    fake.fire('msg:custom', { call: 'pong', ok: true });
    fake.fire('comm_live_update');
    vi.advanceTimersByTime(LONGER_THAN_SILENCE_MS);
    expect(status(store)).toBe('saved');
  });
});

it('stops listening when it ends', () => {
  open();
  expect(fake.listeners).toBeGreaterThan(0);
  life.abort();
  expect(fake.listeners).toBe(0);
  expect(vi.getTimerCount()).toBe(0);
});
