import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { ModelSearch } from './models_query';
import { ProblemError } from './problem';
import { reduce } from './reduce';
import type { Model, ModelPage } from './schema';
import { INITIAL_STATE, type Command } from './store';
import { FakeStore } from './testing/fake_store';
import { model, snapshot } from './testing/fixtures';

/** One question to the store, with the test's hand on its answer. */
interface Question {
  readonly command: Command;
  readonly signal: AbortSignal | undefined;
  readonly resolve: (result: unknown) => void;
  readonly reject: (reason: unknown) => void;
}

let store: FakeStore;
let search: ModelSearch;
let questions: Question[];

beforeEach(() => {
  vi.useFakeTimers();
  store = new FakeStore(reduce(INITIAL_STATE, snapshot([])));
  questions = [];
  store.answer = (command, signal) =>
    new Promise((resolve, reject) => {
      signal?.addEventListener('abort', () => {
        reject(signal.reason as Error);
      });
      questions.push({ command, signal, resolve, reject });
    });
  search = new ModelSearch(store);
});

afterEach(() => {
  search.end();
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

const settled = () => vi.advanceTimersByTimeAsync(0);
const last = () => questions.at(-1);
const queries = () =>
  questions.flatMap(({ command }) => (command.command === 'models' ? [command.query] : []));
const ids = () => search.snapshot().rows?.map((row) => row?.id);
const names = (from: number, count: number) =>
  Array.from({ length: count }, (_, index) => `a/m${String(from + index)}`);
const page = (models: readonly Model[], total = models.length): ModelPage => ({ models, total });
const rows = (...of: string[]) => page(of.map((id) => model(id)));

async function answer(result: unknown, of = last()): Promise<void> {
  of?.resolve(result);
  await settled();
}

/** A list that was found, of so many. */
async function found(total: number): Promise<void> {
  search.choose({ source: 'hub' }, true);
  await answer(
    page(
      names(0, Math.min(100, total)).map((id) => model(id)),
      total,
    ),
  );
}

describe('typing', () => {
  it('is one search once it rests', async () => {
    for (const q of ['q', 'qw', 'qwe']) {
      search.choose({ q });
      await vi.advanceTimersByTimeAsync(40);
    }
    expect(questions).toHaveLength(0);
    expect(search.snapshot().filters.q).toBe('qwe');
    await vi.advanceTimersByTimeAsync(40);
    expect(queries()).toMatchObject([{ q: 'qwe', source: 'local', offset: 0, limit: 100 }]);
  });

  it('is a search at once on Enter, and none a moment later', async () => {
    search.choose({ q: ' qwe ' });
    search.choose({ q: ' qwe ' }, true);
    await vi.advanceTimersByTimeAsync(1000);
    expect(queries()).toMatchObject([{ q: 'qwe' }]);
  });

  it('calls the search before back, whose late answer counts for nothing', async () => {
    search.choose({ q: 'old' }, true);
    const old = last();
    search.choose({ q: 'new' }, true);
    expect(old?.signal?.aborted).toBe(true);
    await answer(rows('a/new'));
    await answer(rows('a/old'), old);
    expect(ids()).toEqual(['a/new']);
  });

  it('leaves the rows that are there until others come', async () => {
    await found(2);
    search.choose({ q: 'x' }, true);
    expect(search.snapshot()).toMatchObject({ searching: true, answering: { q: '' } });
    expect(ids()).toEqual(names(0, 2));
    await answer(rows('a/x'));
    expect(search.snapshot()).toMatchObject({ searching: false, answering: { q: 'x' } });
    expect(ids()).toEqual(['a/x']);
  });

  it('does not make pages of the old list from the new words', async () => {
    await found(300);
    search.choose({ q: 'x' });
    search.show(150, 155);
    expect(queries().at(-1)).toMatchObject({ q: '', offset: 100 });
  });
});

describe('a failure', () => {
  const refusal = new ProblemError({ code: 'hub_unreachable', message: 'No answer.' });

  it('is a failure, not an empty list, and can be tried again', async () => {
    await found(2);
    search.choose({ q: 'x' }, true);
    last()?.reject(refusal);
    await settled();
    expect(search.snapshot()).toMatchObject({ rows: null, problem: { message: 'No answer.' } });
    search.retry();
    await answer(rows('a/x'));
    expect(search.snapshot().problem).toBeNull();
    expect(ids()).toEqual(['a/x']);
  });

  it('of a page leaves the others, and only that page is tried again', async () => {
    await found(300);
    search.show(100, 110);
    last()?.reject(refusal);
    await settled();
    expect(search.snapshot()).toMatchObject({ problem: { message: 'No answer.' } });
    expect(ids()).toHaveLength(300);
    search.retry();
    expect(search.snapshot().problem).toBeNull();
    expect(queries().at(-1)).toMatchObject({ offset: 100 });
  });

  it('to refresh is not worth a word', async () => {
    await found(2);
    search.refresh();
    last()?.reject(refusal);
    await settled();
    expect(search.snapshot()).toMatchObject({ problem: null, rows: [{}, {}] });
  });
});

describe('pages', () => {
  it('come when they are scrolled to, once', async () => {
    await found(250);
    search.show(95, 105);
    search.show(96, 106);
    expect(queries().map(({ offset }) => offset)).toEqual([0, 100]);
    await answer(
      page(
        names(100, 100).map((id) => model(id)),
        250,
      ),
    );
    expect(ids()?.[100]).toBe('a/m100');
    expect(ids()?.[200]).toBeUndefined();
    search.show(95, 105);
    expect(queries()).toHaveLength(2);
  });

  it('are called back when they are scrolled past', async () => {
    await found(1000);
    search.show(150, 160);
    const passed = last();
    search.show(850, 860);
    expect(passed?.signal?.aborted).toBe(true);
    expect(queries().map(({ offset }) => offset)).toEqual([0, 100, 800]);
    search.show(150, 160);
    expect(queries().at(-1)?.offset).toBe(100);
  });

  it('say how many there are now', async () => {
    await found(250);
    search.show(100, 110);
    await answer(page([model('a/m100')], 101));
    expect(ids()).toHaveLength(101);
  });
});

describe('a refresh', () => {
  it('asks for what is in view and leaves the rest until it is seen', async () => {
    await found(250);
    search.show(100, 110);
    await answer(
      page(
        names(100, 100).map((id) => model(id)),
        250,
      ),
    );
    search.refresh();
    expect(queries().map(({ offset }) => offset)).toEqual([0, 100, 100]);
    expect(search.snapshot().searching).toBe(false);
    await answer(
      page(
        names(100, 100).map((id) => model(id, { fit: 'no' })),
        250,
      ),
    );
    expect(search.snapshot().rows?.[100]?.fit).toBe('no');
    expect(search.snapshot().rows?.[0]?.fit).toBe('fits');
    search.show(0, 10);
    expect(queries().at(-1)?.offset).toBe(0);
  });

  it('waits for a search that is under way', () => {
    search.choose({ q: 'x' }, true);
    search.refresh();
    expect(questions).toHaveLength(1);
  });
});

describe('an empty list', () => {
  it('finds out which filter hides how many', async () => {
    search.choose({ source: 'hub', q: 'qwen', fits: true, bits: [4], vision: true }, true);
    await answer(rows());
    const counted = questions.slice(1);
    expect(queries().slice(1)).toMatchObject([
      { q: 'qwen', fits: false, bits: [4], vision: true, limit: 1 },
      { fits: true, bits: [], vision: true },
      { fits: true, bits: [4], vision: false },
      { q: 'qwen', source: 'hub', fits: false, bits: [], vision: false },
    ]);
    for (const [index, total] of [0, 3, 0, 40].entries()) {
      await answer(page([], total), counted[index]);
    }
    expect(search.snapshot().hidden).toMatchObject([
      { filter: { name: 'bits', value: '4' }, models: 3 },
      { filter: null, models: 40 },
    ]);
  });

  it('without filters needs no reason', async () => {
    search.choose({ q: 'nothing' }, true);
    await answer(rows());
    expect(questions).toHaveLength(1);
    expect(search.snapshot()).toMatchObject({ rows: [], hidden: [], problem: null });
  });

  it('stays empty when the reason cannot be had', async () => {
    search.choose({ fits: true }, true);
    await answer(rows());
    last()?.reject(new Error('gone'));
    await settled();
    expect(search.snapshot()).toMatchObject({ rows: [], hidden: [], problem: null });
  });
});

describe('details', () => {
  const bare = (id: string) => model(id, { size_bytes: null, estimated_bytes: 4e9 });
  const asked = () =>
    questions.flatMap(({ command }) => (command.command === 'model' ? [command.id] : []));
  const listed = async (count: number) => {
    search.choose({ source: 'hub' }, true);
    await answer(page(names(0, count).map(bare)));
    search.show(0, count - 1);
  };

  it('are asked for after a while in sight, three at a time, and replace the row', async () => {
    await listed(5);
    await vi.advanceTimersByTimeAsync(299);
    expect(asked()).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(asked()).toEqual(names(0, 3));
    await answer(model('a/m0', { size_bytes: 7 }), questions[1]);
    expect(search.snapshot().rows?.[0]?.size_bytes).toBe(7);
    expect(asked()).toEqual(names(0, 4));
  });

  it('are called back for rows that are scrolled away, and asked for when they come back', async () => {
    await listed(3);
    await vi.advanceTimersByTimeAsync(300);
    search.show(1, 2);
    expect(questions[1]?.signal?.aborted).toBe(true);
    expect(questions[2]?.signal?.aborted).toBe(false);
    search.show(0, 2);
    await vi.advanceTimersByTimeAsync(300);
    expect(asked()).toEqual([...names(0, 3), 'a/m0']);
  });

  it('are asked for once, even in vain', async () => {
    await listed(1);
    await vi.advanceTimersByTimeAsync(300);
    last()?.reject(new Error('rate limited'));
    await settled();
    search.show(0, 0);
    await vi.advanceTimersByTimeAsync(1000);
    expect(asked()).toEqual(['a/m0']);
  });

  it('outlive the next page, but for what may be different by then', async () => {
    await listed(1);
    search.learn(model('a/m0', { size_bytes: 7, local: false }));
    search.choose({ q: 'x' }, true);
    await answer(page([{ ...bare('a/m0'), local: true, partial_bytes: 3 }]));
    expect(search.snapshot().rows).toMatchObject([
      { size_bytes: 7, local: true, partial_bytes: 3 },
    ]);
  });

  it('are asked for nobody who is offline, nor of what is known', async () => {
    store.show({ ...store.snapshot(), catalogue: { ...INITIAL_STATE.catalogue, offline: true } });
    await listed(2);
    await vi.advanceTimersByTimeAsync(1000);
    expect(asked()).toEqual([]);
    store.show({ ...store.snapshot(), catalogue: INITIAL_STATE.catalogue });
    await found(2);
    search.show(0, 1);
    await vi.advanceTimersByTimeAsync(1000);
    expect(asked()).toEqual([]);
  });
});
