import type { Render } from '@anywidget/types';

import '../../style/chat.css';

import { FollowedText } from './followed_text';
import { lifetime } from './lifetime';
import { listen } from './listen';

/** The synced traits of the Python widget: the texts as of half a second ago, and the footer. */
export interface ChatTraits extends Record<string, unknown> {
  text: string;
  reasoning: string;
  status: string;
}

type Kind = 'text' | 'reasoning';

/** What came since the last message: `d` begins at code point `o` of the text `k`. */
interface Delta {
  readonly o: number;
  readonly d: string;
  readonly k: Kind;
}

/**
 * An answer while it is written. Python replaces it with Markdown at the end, so there is no
 * framework here: a text node that grows.
 */
const render: Render<ChatTraits> = ({ model, el, signal }) => {
  const life = lifetime(signal);
  const parts = build(el);
  const { root } = parts;
  const texts = {
    text: { followed: new FollowedText(), node: parts.text },
    reasoning: { followed: new FollowedText(), node: parts.reasoning },
  };
  const append = (kind: Kind, end: string) => {
    texts[kind].node.appendData(end);
    if (kind === 'reasoning' && end !== '') {
      parts.thinking.hidden = false;
    }
    parts.summary.textContent = texts.text.node.length > 0 ? 'thought' : 'thinking…';
  };
  const catchUp = (kind: Kind) => {
    append(kind, texts[kind].followed.whole(model.get(kind)));
  };
  const showStatus = () => {
    parts.status.textContent = model.get('status');
  };

  catchUp('reasoning');
  catchUp('text');
  showStatus();
  // A picture from a file already has a text; it must not look as if more were to come.
  root.ariaBusy = String(texts.text.node.length === 0);

  const handlers = {
    'change:text': () => {
      catchUp('text');
    },
    'change:reasoning': () => {
      catchUp('reasoning');
    },
    'change:status': showStatus,
    'msg:custom': (message: unknown) => {
      const { o, d, k } = message as Delta;
      root.ariaBusy = 'true';
      append(k, texts[k].followed.piece(o, d));
    },
    'comm:close': () => {
      root.ariaBusy = 'false';
    },
  };
  listen(model, handlers, life.signal);
  return life.end;
};

function build(el: HTMLElement) {
  const root = child(el, 'div', 'mlxm-root mlxm-chat');
  const thinking = child(root, 'details', 'mlxm-chat-thinking');
  thinking.hidden = true;
  const summary = child(thinking, 'summary', '');
  const reasoning = child(child(thinking, 'div', ''), 'span', '').appendChild(new Text());
  const text = child(root, 'div', 'mlxm-chat-text').appendChild(new Text());
  const status = child(root, 'div', 'mlxm-chat-status');
  return { root, thinking, summary, reasoning, text, status };
}

function child<K extends keyof HTMLElementTagNameMap>(parent: Node, tag: K, className: string) {
  const el = document.createElement(tag);
  el.className = className;
  parent.appendChild(el);
  return el;
}

/** The output of `%%mlx_chat` while the model answers. */
export default { render };
