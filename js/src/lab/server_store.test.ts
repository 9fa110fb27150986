import { ServerConnection } from '@jupyterlab/services';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import type { AnyEvent } from '../core/schema';
import { NO_FILTERS, queryOf } from '../core/model_filters';
import type { Command } from '../core/store';
import { model, server, snapshot } from '../core/testing/fixtures';
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
const bodies: unknown[] = [];
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
  bodies.length = 0;
  answer = ok;
  const settings = ServerConnection.makeSettings({
    baseUrl: 'http://jupyter.test/user/x/',
    wsUrl: 'ws://jupyter.test/user/x/',
    token: 'secret',
    appendToken: false,
    fetch: (request) => {
      const { method, url, signal } = request as Request;
      // JupyterLab ends every address with the time, against caches.
      asked.push(`${method} ${url.replace(/[?&]\d+$/, '')}`);
      const aborted = new Promise<never>((_, reject) => {
        signal.addEventListener('abort', () => {
          reject(signal.reason as Error);
        });
      });
      const read = (request as Request).text().then((text) => {
        bodies.push(text === '' ? null : JSON.parse(text));
      });
      return Promise.race([aborted, read.then(answer)]);
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
  const api = 'http://jupyter.test/user/x/mlx-manager/api';
  const id = 'mlx-community/Qwen3-8B-4bit';
  const encoded = 'mlx-community%2FQwen3-8B-4bit';
  const commands: [Command, string][] = [
    [{ command: 'stop', name: 'a b' }, 'DELETE servers/a%20b'],
    [{ command: 'restart', name: 'coder' }, 'POST servers/coder/restart'],
    [{ command: 'logs', name: 'coder', lines: 50 }, 'GET servers/coder/logs?lines=50'],
    [{ command: 'model', id }, `GET models/${encoded}`],
    [{ command: 'model', id: '/a b/c' }, 'GET models/%2Fa%20b%2Fc'],
    [{ command: 'fit', id, context_length: 4096 }, `GET models/${encoded}/fit?context_length=4096`],
    [{ command: 'delete_model', id }, `DELETE models/${encoded}`],
    [{ command: 'verify', id }, `POST models/${encoded}/verify`],
    [{ command: 'prune' }, 'POST models/prune'],
    [{ command: 'sync' }, 'POST catalogue'],
    [{ command: 'pause', download_id: 'd1' }, 'POST downloads/d1/pause'],
    [{ command: 'resume', download_id: 'd1' }, 'POST downloads/d1/resume'],
    [{ command: 'cancel', download_id: 'd1' }, 'DELETE downloads/d1'],
  ];

  it.each(commands)('are REST calls with encoded names: %o', async (command, request) => {
    await store.send(command);
    expect(asked).toEqual([request.replace(' ', ` ${api}/`)]);
  });

  it('carry what is wanted as a body', async () => {
    await store.send({ command: 'serve', model: id });
    await store.send({ command: 'download', wanted: { model: id, all: true } });
    expect(asked).toEqual([`POST ${api}/servers`, `POST ${api}/downloads`]);
    expect(bodies).toEqual([{ model: id }, { model: id, all: true }]);
  });

  it('carry what a profile shall be', async () => {
    const values = { temperature: null };
    await store.send({ command: 'serve', profile: 'coder', force: true });
    await store.send({ command: 'create_profile', values });
    await store.send({ command: 'edit_profile', name: 'a b', values });
    await store.send({ command: 'copy_profile', name: 'a b', to: 'c' });
    await store.send({ command: 'check_profile', values });
    await store.send({ command: 'import_profiles', document: [values] });
    expect(asked).toEqual([
      `POST ${api}/servers`,
      `POST ${api}/profiles`,
      `PATCH ${api}/profiles/a%20b`,
      `POST ${api}/profiles/a%20b/copy`,
      `POST ${api}/profiles/check`,
      `POST ${api}/profiles/import`,
    ]);
    expect(bodies).toEqual([
      { profile: 'coder', force: true },
      values,
      values,
      { name: 'c' },
      values,
      [values],
    ]);
  });

  it('search with what is asked for and nothing else, and learn how many there are', async () => {
    const found = [model('a/b')];
    answer = () => new Response(JSON.stringify(found), { headers: { 'X-Total-Count': '412' } });
    const query = queryOf({
      ...NO_FILTERS,
      source: 'hub',
      q: 'qwen & co',
      bits: [4, 8],
      vision: true,
    });
    expect(await store.send({ command: 'models', query })).toEqual({ models: found, total: 412 });
    expect(asked).toEqual([
      `GET ${api}/models?source=hub&q=qwen+%26+co&vision=true&sort=relevance&offset=0&limit=100&bits=4&bits=8`,
    ]);
  });

  it('can be called back', async () => {
    answer = () => new Promise<never>(() => undefined);
    const life = new AbortController();
    const searched = store.send({ command: 'models', query: queryOf(NO_FILTERS) }, life.signal);
    const reason = new Error('typed on');
    life.abort(reason);
    await expect(searched).rejects.toBe(reason);
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
