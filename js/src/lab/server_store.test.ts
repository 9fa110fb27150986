import { ServerConnection } from '@jupyterlab/services';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import type { AnyEvent } from '../core/schema';
import { server, snapshot } from '../core/testing/fixtures';
import { ServerStore } from './server_store';

/** A WebSocket whose other end is the test. */
class FakeSocket {
  static readonly opened: FakeSocket[] = [];
  onmessage: ((event: { data: string }) => void) | null = null;
  onclose: (() => void) | null = null;
  closed = false;

  constructor(readonly url: string) {
    FakeSocket.opened.push(this);
  }

  close(): void {
    this.closed = true;
  }

  frame(...events: AnyEvent[]): void {
    this.onmessage?.({ data: JSON.stringify(events) });
  }
}

type Answer = () => Response | Promise<Response>;

const asked: string[] = [];
let answer: Answer;
let store: ServerStore;

const ok: Answer = () => new Response('{}', { status: 200 });
const problem = (status: number, body: unknown): Answer => {
  return () => new Response(JSON.stringify(body), { status });
};

beforeEach(() => {
  vi.useFakeTimers();
  FakeSocket.opened.length = 0;
  asked.length = 0;
  answer = ok;
  const settings = ServerConnection.makeSettings({
    baseUrl: 'http://jupyter.test/user/x/',
    wsUrl: 'ws://jupyter.test/user/x/',
    token: 'secret',
    appendToken: false,
    fetch: (request) => {
      const { method, url } = request as Request;
      // JupyterLab ends every address with the time, against caches.
      asked.push(`${method} ${url.replace(/[?&]\d+$/, '')}`);
      return Promise.resolve().then(answer);
    },
    WebSocket: FakeSocket as unknown as typeof WebSocket,
  });
  store = new ServerStore(settings, () => 1);
});

afterEach(() => {
  vi.useRealTimers();
});

/** Lets requests be answered, without time passing. */
const settled = () => vi.advanceTimersByTimeAsync(0);
const latest = () => FakeSocket.opened.at(-1);
const status = () => store.snapshot().connection.status;

async function connect(): Promise<() => void> {
  const leave = store.subscribe(() => undefined);
  await settled();
  latest()?.frame(snapshot([server('coder')]));
  return leave;
}

describe('the stream', () => {
  it('is opened at the first viewer, once for all, and closed after the last', async () => {
    expect(asked).toEqual([]);
    const leave = await connect();
    const leaveToo = store.subscribe(() => undefined);
    await settled();
    expect(asked).toEqual(['GET http://jupyter.test/user/x/mlx-manager/api/status']);
    expect(FakeSocket.opened.map(({ url }) => url)).toEqual([
      'ws://jupyter.test/user/x/mlx-manager/api/events',
    ]);
    leave();
    expect(latest()?.closed).toBe(false);
    leaveToo();
    expect(latest()?.closed).toBe(true);
  });

  it('is live from its first frame', async () => {
    const changed = vi.fn();
    store.subscribe(changed);
    await settled();
    expect(status()).toBe('connecting');
    latest()?.frame(snapshot([server('coder')]));
    expect(status()).toBe('live');
    expect(store.snapshot().servers).toHaveLength(1);
    expect(changed).toHaveBeenCalledOnce();
  });

  it('tells viewers once a frame, however many events it holds', async () => {
    await connect();
    const changed = vi.fn();
    store.subscribe(changed);
    latest()?.frame(
      { type: 'servers.changed', id: 'a-2', server: server('vision') },
      { type: 'servers.removed', id: 'a-3', name: 'coder' },
    );
    expect(changed).toHaveBeenCalledOnce();
    expect(store.snapshot().servers.map(({ name }) => name)).toEqual(['vision']);
  });

  it('resumes where it broke, and keeps the picture meanwhile', async () => {
    await connect();
    latest()?.frame({ type: 'servers.changed', id: 'a-2', server: server('vision') });
    latest()?.onclose?.();
    expect(status()).toBe('reconnecting');
    expect(store.snapshot().servers).toHaveLength(2);
    await vi.advanceTimersByTimeAsync(1000);
    expect(latest()?.url).toMatch(/events\?last_id=a-2$/);
    latest()?.frame({ type: 'servers.removed', id: 'a-3', name: 'coder' });
    expect(status()).toBe('live');
  });

  it('asks for a new snapshot after a gap', async () => {
    await connect();
    const broken = latest();
    broken?.frame({ type: 'servers.removed', id: 'a-9', name: 'coder' });
    await settled();
    expect(broken?.closed).toBe(true);
    expect(latest()).not.toBe(broken);
    expect(latest()?.url).not.toContain('last_id');
    latest()?.frame(snapshot([], { id: 'a-9' }));
    expect(store.snapshot()).toMatchObject({ servers: [], stale: false });
  });

  it('waits longer after each failure, and not at all long after a success', async () => {
    answer = problem(503, {});
    store.subscribe(() => undefined);
    const pauses: number[] = [];
    for (let seen = 1; seen <= 9; seen += 1) {
      const before = Date.now();
      while (asked.length < seen) {
        await vi.advanceTimersToNextTimerAsync();
      }
      pauses.push(Date.now() - before);
      await settled();
    }
    expect(pauses).toEqual([0, 500, 1000, 2000, 4000, 8000, 16000, 30000, 30000]);
    answer = ok;
    await vi.advanceTimersByTimeAsync(30_000);
    latest()?.frame(snapshot([]));
    const before = asked.length;
    latest()?.onclose?.();
    await vi.advanceTimersByTimeAsync(500);
    expect(asked).toHaveLength(before + 1);
  });

  it('ignores an old socket that still talks', async () => {
    await connect();
    const old = latest();
    store.retry();
    await settled();
    old?.frame(snapshot([]));
    old?.onclose?.();
    expect(store.snapshot().servers).toHaveLength(1);
    expect(FakeSocket.opened).toHaveLength(2);
  });

  it('is not opened for a viewer who left while it was asked for', async () => {
    store.subscribe(() => undefined)();
    await settled();
    expect(FakeSocket.opened).toHaveLength(0);
  });
});

describe('a refusal', () => {
  it.each([
    [404, 'not_enabled', 'jupyter server extension enable'],
    [403, 'unauthorized', 'Log in'],
  ])('with %d is said, and not tried again until asked', async (code, name, hint) => {
    answer = problem(code, { message: 'no' });
    store.subscribe(() => undefined);
    await vi.advanceTimersByTimeAsync(120_000);
    expect(store.snapshot().connection).toMatchObject({
      status: 'refused',
      problem: { code: name },
    });
    expect(store.snapshot().connection.problem?.hint).toContain(hint);
    expect(asked).toHaveLength(1);
    answer = ok;
    store.retry();
    await settled();
    expect(FakeSocket.opened).toHaveLength(1);
  });
});

describe('commands', () => {
  const url = 'http://jupyter.test/user/x/mlx-manager/api/servers';

  it('are REST calls with encoded names', async () => {
    await store.send({ command: 'stop', name: 'a b' });
    await store.send({ command: 'restart', name: 'coder' });
    await store.send({ command: 'logs', name: 'coder', lines: 50 });
    expect(asked).toEqual([
      `DELETE ${url}/a%20b`,
      `POST ${url}/coder/restart`,
      `GET ${url}/coder/logs?lines=50`,
    ]);
  });

  it('resolve with the record', async () => {
    answer = problem(200, { name: 'coder', path: '', lines: ['x'] });
    const logs = await store.send({ command: 'logs', name: 'coder', lines: 1 });
    expect(logs.lines).toEqual(['x']);
    answer = () => new Response(null, { status: 204 });
    await expect(store.send({ command: 'stop', name: 'coder' })).resolves.toBeNull();
  });

  it('reject with the problem that the extension named', async () => {
    answer = problem(404, { code: 'unknown_server', message: 'Which?', hint: 'h', log_tail: [] });
    const stopped = store.send({ command: 'stop', name: 'coder' });
    await expect(stopped).rejects.toMatchObject({ problem: { code: 'unknown_server', hint: 'h' } });
  });

  it("reject in words when it was not the extension's answer", async () => {
    answer = () => new Response('<h1>Bad Gateway</h1>', { status: 502, statusText: 'Bad Gateway' });
    const broken = store.send({ command: 'stop', name: 'coder' });
    await expect(broken).rejects.toMatchObject({ problem: { message: 'Bad Gateway' } });

    answer = () => Promise.reject(new TypeError('Failed to fetch'));
    const lost = store.send({ command: 'stop', name: 'coder' });
    await expect(lost).rejects.toMatchObject({ problem: { code: 'extension_unreachable' } });
  });
});
