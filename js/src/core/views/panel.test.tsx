import { act } from 'preact/test-utils';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { createFormat } from '../format';
import { PLAIN_HOST, type Host } from '../host';
import { ProblemError } from '../problem';
import { reduce } from '../reduce';
import type { Server } from '../schema';
import { INITIAL_STATE, type State } from '../store';
import { FakeStore } from '../testing/fake_store';
import { load, metrics, problem, server, snapshot } from '../testing/fixtures';
import { render } from './panel';
import { ServersBody } from './servers_body';

let el: HTMLElement;
let store: FakeStore;
let life: AbortController;

beforeEach(() => {
  el = document.body.appendChild(document.createElement('div'));
  store = new FakeStore();
  life = new AbortController();
});

afterEach(() => {
  life.abort();
  el.remove();
});

function mount(host: Partial<Host> = {}): void {
  void act(() => {
    render(el, store, life.signal, ServersBody, {
      ...PLAIN_HOST,
      format: createFormat('en'),
      ...host,
    });
  });
}

function stateOf(servers: readonly Server[], loads = {}): State {
  return reduce(INITIAL_STATE, snapshot(servers, { metrics: metrics(loads) }));
}

/** Shows servers and waits until they are drawn. */
async function show(servers: readonly Server[], loads = {}): Promise<void> {
  await showState(stateOf(servers, loads));
}

async function showState(state: State): Promise<void> {
  store.show(state);
  await drawn();
}

/** Lets promises settle and Preact draw; an effect of that drawing may begin another round. */
async function drawn(): Promise<void> {
  for (let round = 0; round < 2; round += 1) {
    await act(() => new Promise((resolve) => setTimeout(resolve)));
  }
}

const text = () => el.textContent.replaceAll('\u00a0', ' ');
const row = (name: string) => el.querySelector<HTMLElement>(`li[data-name="${name}"]`);
const button = (label: string) => el.querySelector<HTMLElement>(`button[aria-label="${label}"]`);
const labels = () => [...el.querySelectorAll('button')].map((one) => one.ariaLabel);

describe('states', () => {
  it('says that it connects before anything is known', () => {
    mount();
    expect(text()).toContain('Connecting…');
  });

  it('shows a ready server with its figures', async () => {
    mount();
    await show([server('coder')], { coder: load(9.2 * 2 ** 30, 41, 0.21) });
    expect(text()).toContain('Apple M4 Pro · 48 GB');
    expect(text()).toContain('31.4 / 48 GB · 16.6 GB free');
    expect(text()).toContain('other apps 22.2');
    expect(text()).toContain('Qwen3-Coder-14B-4bit · mlx-lm · up 1 h 12 m');
    expect(text()).toContain('41 tok/s');
    expect(text()).toContain('first token 0.21 s');
    expect(row('coder')?.ariaLabel).toBe('coder, ready');
  });

  it('shows how far a loading server is, and only a way out', async () => {
    mount();
    const progress = { stage: 'loading weights', done_bytes: 2.4e9, total_bytes: 3.9e9 };
    await show([server('vision', { state: 'loading', progress })]);
    expect(text()).toContain('loading weights');
    expect(text()).toContain('2.4 of 3.9 GB');
    expect(el.querySelector('[role=progressbar]')?.ariaValueNow).toBe('62');
    expect(labels()).toEqual(['Stop vision']);
  });

  it('shows a failure with its hint, and what can be done about it', async () => {
    mount();
    const error = problem('Out of memory.', { code: 'out_of_memory', hint: 'Try 4-bit.' });
    await show([server('draft', { state: 'failed', error })]);
    expect(text()).toContain('Out of memory. Try 4-bit.');
    expect(labels()).toEqual(['Logs of draft', 'Try to start draft again', 'Dismiss draft']);
    button('Dismiss draft')?.click();
    expect(store.sent).toEqual([{ command: 'stop', name: 'draft' }]);
  });

  it('offers nothing while a server stops', async () => {
    mount();
    await show([server('coder', { state: 'stopping' })]);
    expect(labels()).toEqual([]);
  });

  it('says how to start when nothing runs', async () => {
    mount();
    await show([]);
    expect(text()).toContain('No model is running');
    expect(text()).toContain('%mlx_serve');
  });

  it('says what to do when the extension refuses, and tries again', async () => {
    const retry = vi.fn();
    mount({ retry });
    const refusal = problem('Not enabled.', { hint: 'Run `this` now.' });
    await showState({ ...INITIAL_STATE, connection: { status: 'refused', problem: refusal } });
    expect(text()).toContain('Not enabled.');
    expect(el.querySelector('code')?.textContent).toBe('this');
    button('Try again')?.click();
    expect(retry).toHaveBeenCalledOnce();
  });

  it('keeps the picture while it reconnects', async () => {
    mount();
    const connection = { status: 'reconnecting', problem: null } as const;
    await showState({ ...stateOf([server('coder')]), connection });
    expect(text()).toContain('Reconnecting…');
    expect(row('coder')).not.toBeNull();
  });

  it('offers no action on a saved picture', async () => {
    mount({ insertCell: vi.fn() });
    const connection = { status: 'saved', problem: null } as const;
    await showState({ ...stateOf([server('coder')]), connection });
    expect(text()).toContain('no kernel');
    expect(labels()).toEqual([]);
  });
});

describe('actions', () => {
  it('are those that the host can carry out', async () => {
    const [insertCell, openLogs] = [vi.fn(), vi.fn()];
    mount({ insertCell, openLogs });
    await show([server('coder')]);
    expect(labels()).toEqual([
      'Insert cell to chat with coder',
      'Copy base URL for coder',
      'Logs of coder',
      'Restart coder',
      'Stop coder',
    ]);
    button('Insert cell to chat with coder')?.click();
    button('Logs of coder')?.click();
    expect(insertCell).toHaveBeenCalledWith('coder');
    expect(openLogs).toHaveBeenCalledWith('coder');
  });

  it('send commands', async () => {
    mount();
    await show([server('coder')]);
    button('Restart coder')?.click();
    button('Stop coder')?.click();
    expect(store.sent).toEqual([
      { command: 'restart', name: 'coder' },
      { command: 'stop', name: 'coder' },
    ]);
  });

  it('are sent once, however often the button is pressed', async () => {
    mount();
    await show([server('coder')]);
    store.answer = () => new Promise(() => undefined);
    button('Stop coder')?.click();
    await drawn();
    button('Stop coder')?.click();
    expect(store.sent).toHaveLength(1);
    expect(button('Stop coder')?.ariaDisabled).toBe('true');
  });

  it('say so when they fail, here or where the host wants it', async () => {
    const refuse = () =>
      Promise.reject(new ProblemError({ code: 'x', message: 'It will not stop.', hint: 'Wait.' }));
    mount();
    await show([server('coder')]);
    store.answer = refuse;
    button('Stop coder')?.click();
    await drawn();
    expect(el.querySelector('[role=alert]')?.textContent).toContain('It will not stop. Wait.');

    const report = vi.fn();
    mount({ report });
    button('Stop coder')?.click();
    await drawn();
    expect(report).toHaveBeenCalledWith(expect.objectContaining({ message: 'It will not stop.' }));
  });

  it('copy the base URL and say so', async () => {
    const copy = vi.fn(() => Promise.resolve());
    mount({ copy });
    await show([server('coder')]);
    button('Copy base URL for coder')?.click();
    await drawn();
    expect(copy).toHaveBeenCalledWith('http://127.0.0.1:10239/v1');
    expect(text()).toContain('Copied');
  });

  it('unfold the log where the host has no place for it', async () => {
    mount();
    await show([server('coder')]);
    store.answer = () => Promise.resolve({ name: 'coder', path: '', lines: ['one', '<b>two</b>'] });
    button('Logs of coder')?.click();
    await drawn();
    expect(store.sent).toEqual([{ command: 'logs', name: 'coder', lines: 200 }]);
    expect(el.querySelector('pre')?.textContent).toBe('one\n<b>two</b>');
    expect(button('Logs of coder')?.ariaExpanded).toBe('true');
  });
});

describe('keyboard and ears', () => {
  it('keep the focus where it is while figures change', async () => {
    mount();
    await show([server('coder'), server('vision')], { coder: load(1e9, 1) });
    const stop = button('Stop vision');
    stop?.focus();
    await show([server('coder'), server('vision')], { coder: load(2e9, 99) });
    expect(document.activeElement).toBe(stop);
  });

  it('keep the focus in the row when its button goes', async () => {
    mount();
    await show([server('coder'), server('vision')]);
    button('Stop coder')?.focus();
    await show([server('coder', { state: 'stopping' }), server('vision')]);
    expect(document.activeElement).toBe(row('coder'));
  });

  it('go to the next row, then to the title, when rows go', async () => {
    mount();
    await show([server('coder'), server('vision')]);
    button('Stop coder')?.focus();
    await show([server('vision')]);
    expect(document.activeElement).toBe(row('vision'));
    await show([]);
    expect(document.activeElement?.textContent).toBe('Running');
  });

  it('hear changes of state, not of figures', async () => {
    mount();
    await show([server('coder', { state: 'loading' })]);
    const spoken = () => el.querySelector('[aria-live=polite]')?.textContent;
    await show([server('coder')]);
    expect(spoken()).toBe('coder: ready');
    await show([server('coder')], { coder: load(1e9, 50) });
    expect(spoken()).toBe('coder: ready');
    await show([]);
    expect(spoken()).toBe('coder: stopped');
  });
});

it('shows names, models and errors as text, whatever they contain', async () => {
  mount();
  const evil = '<img src=x onerror=alert(1)>';
  const error = problem(evil, { hint: evil });
  await show([server(evil, { model: evil }), server('b', { state: 'failed', error })]);
  expect(el.querySelector('img')).toBeNull();
  expect(text()).toContain(evil);
});

it('leaves nothing behind when it ends', async () => {
  mount();
  await show([server('coder')]);
  life.abort();
  await drawn();
  expect(el.innerHTML).toBe('');
  expect(store.watched).toBe(false);
});
