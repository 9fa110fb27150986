import { beforeEach, describe, expect, it } from 'vitest';

import chat, { type ChatTraits } from './chat_stream';
import { FakeModel } from './testing/fake_model';
import { FollowedText } from './followed_text';

let fake: FakeModel<ChatTraits>;
let el: HTMLElement;
let life: AbortController;

function mount(traits: Partial<ChatTraits> = {}): void {
  fake = new FakeModel<ChatTraits>({ text: '', reasoning: '', status: '', ...traits });
  void chat.render({ model: fake.model, el, signal: life.signal } as Parameters<
    typeof chat.render
  >[0]);
}

beforeEach(() => {
  el = document.createElement('div');
  life = new AbortController();
});

const delta = (o: number, d: string, k = 'text') => {
  fake.fire('msg:custom', { o, d, k });
};
const part = (name: string) => el.querySelector<HTMLElement>(`.mlxm-chat-${name}`);
const answer = () => part('text')?.textContent;
const busy = () => el.querySelector('.mlxm-chat')?.ariaBusy;

describe('a followed text', () => {
  it('takes pieces in order', () => {
    const text = new FollowedText();
    expect(text.piece(0, 'ab') + text.piece(2, 'c')).toBe('abc');
  });

  it('takes nothing after a gap until the whole comes', () => {
    const text = new FollowedText();
    expect(text.piece(0, 'ab')).toBe('ab');
    expect(text.piece(5, 'fg')).toBe('');
    expect(text.whole('abcdefg')).toBe('cdefg');
    expect(text.piece(7, 'h')).toBe('h');
  });

  it('takes of an overlapping piece only what is new', () => {
    const text = new FollowedText();
    text.whole('abcd');
    expect(text.piece(2, 'cdef')).toBe('ef');
    expect(text.piece(0, 'ab')).toBe('');
    expect(text.whole('abc')).toBe('');
  });

  it('counts code points, as Python does', () => {
    const text = new FollowedText();
    expect(text.piece(0, '🙂🙂')).toBe('🙂🙂');
    expect(text.piece(2, '!')).toBe('!');
    expect(text.piece(1, '🙂!?')).toBe('?');
  });
});

describe('the stream', () => {
  it('grows with deltas and catches up with the trait', () => {
    mount();
    delta(0, 'Hello');
    delta(9, 'lost');
    expect(answer()).toBe('Hello');
    fake.put({ text: 'Hello, world' });
    delta(12, '!');
    expect(answer()).toBe('Hello, world!');
  });

  it('shows what came before the view did', () => {
    mount({ text: 'Early', status: 'coder · writing…' });
    expect(answer()).toBe('Early');
    expect(part('status')?.textContent).toBe('coder · writing…');
  });

  it('folds the thinking, and says when it is over', () => {
    mount();
    expect(part('thinking')?.hidden).toBe(true);
    delta(0, 'Hmm', 'reasoning');
    expect(part('thinking')?.hidden).toBe(false);
    expect((part('thinking') as HTMLDetailsElement).open).toBe(false);
    expect(part('thinking')?.textContent).toBe('thinking…Hmm');
    delta(0, 'Yes.');
    expect(part('thinking')?.textContent).toBe('thoughtHmm');
  });

  it('shows a caret only while more may come', () => {
    mount();
    expect(busy()).toBe('true');
    fake.fire('comm:close');
    expect(busy()).toBe('false');

    el.replaceChildren();
    mount({ text: 'from a saved notebook' });
    expect(busy()).toBe('false');
  });

  it('shows markup as text', () => {
    mount();
    delta(0, '<img src=x>');
    expect(el.querySelector('img')).toBeNull();
    expect(answer()).toBe('<img src=x>');
  });

  it('stops listening when it ends', () => {
    mount();
    life.abort();
    expect(fake.listeners).toBe(0);
  });
});
