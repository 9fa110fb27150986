import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import type { Keys } from '../host';
import { ProblemError } from '../problem';
import type { CreateKey, Key } from '../schema';
import { gatewayKey, profile } from '../testing/fixtures';
import { View } from '../testing/view';
import { KeysView } from './keys';

let view: View;
let keys: FakeKeys;

beforeEach(() => {
  view = new View();
  keys = new FakeKeys();
});

afterEach(() => {
  view.end();
});

const SECRET = 'mlx-not-a-real-secret';

/** Keeps keys as an extension does; a test may have its next answers refused. */
class FakeKeys implements Keys {
  all: Key[] = [];
  asked: Partial<CreateKey>[] = [];
  listed = 0;
  refusal: ProblemError | null = null;

  async list(): Promise<readonly Key[]> {
    this.listed += 1;
    await this.answer();
    return [...this.all];
  }

  async create(wanted: Partial<CreateKey>) {
    this.asked.push(wanted);
    await this.answer();
    const { label = '', profiles = [] } = wanted;
    const key = gatewayKey(`id-${String(this.all.length)}`, { label, profiles });
    this.all.push(key);
    return { key, secret: SECRET };
  }

  async revoke(id: string): Promise<void> {
    await this.answer();
    this.all = this.all.filter((key) => key.id !== id);
  }

  private answer(): Promise<void> {
    return this.refusal ? Promise.reject(this.refusal) : Promise.resolve();
  }
}

async function show(all: Key[] = [], copy?: (text: string) => Promise<void>): Promise<void> {
  keys.all = all;
  view.mount(KeysView, { keys, ...(copy && { copy }) });
  await view.show({ profiles: [profile('coder'), profile('second')] });
}

function field(label: string): HTMLInputElement {
  const found = [...view.el.querySelectorAll('label')].find((one) => one.textContent === label);
  const id = found?.htmlFor ?? '';
  const control = id === '' ? found?.querySelector('input') : document.getElementById(id);
  if (!(control instanceof HTMLElement)) {
    throw new Error(`There is no field ${label}.`);
  }
  return control as HTMLInputElement;
}

async function type(label: string, text: string): Promise<void> {
  const control = field(label);
  control.value = text;
  const name = control instanceof HTMLSelectElement ? 'change' : 'input';
  control.dispatchEvent(new Event(name, { bubbles: true }));
  await view.drawn();
}

const secretField = () => view.el.querySelector<HTMLInputElement>('input[readonly]');
const inDays = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString();

describe('the section', () => {
  it('is not there where no host has keys', async () => {
    view.mount(KeysView);
    await view.show();
    expect(view.text).not.toContain('Keys');
  });

  it('asks for the keys when it is unfolded and when the window is looked at again', async () => {
    await show([gatewayKey('one', { label: 'my editor' })]);
    expect(view.button('Keys').ariaExpanded).toBe('false');
    expect(keys.listed).toBe(0);
    await view.press('Keys');
    expect(view.button('Keys').ariaExpanded).toBe('true');
    expect(view.rowText('one')).toContain('my editor');
    keys.all = [];
    window.dispatchEvent(new Event('focus'));
    await view.drawn();
    expect(view.text).toContain('No keys yet');
    await view.press('Keys');
    window.dispatchEvent(new Event('focus'));
    expect(keys.listed).toBe(2);
  });

  it('says why they can not be read, and tries again', async () => {
    keys.refusal = new ProblemError({ code: 'internal', message: 'No.', hint: 'Wait.' });
    await show();
    await view.press('Keys');
    expect(view.el.querySelector('[role=alert]')?.textContent).toBe('No. Wait.');
    keys.refusal = null;
    await view.press('Try again');
    expect(view.text).toContain('No keys yet');
    expect(view.el.querySelector('[role=alert]')).toBeNull();
  });

  it('says of each what it opens, until when, and when it was used', async () => {
    await show([
      gatewayKey('one', { label: 'my editor' }),
      gatewayKey('two', {
        profiles: ['coder', 'second'],
        expires_at: inDays(3.5),
        last_used_at: inDays(-2),
        requests_per_minute: 60,
      }),
      gatewayKey('three', { label: 'kernel', pid: 4711, notebook: 'work/Questions.ipynb' }),
      gatewayKey('four', { label: 'mlx', pid: 4712 }),
      gatewayKey('five', { expires_at: inDays(-1) }),
    ]);
    await view.press('Keys');
    expect(view.rowText('one')).toContain('all modelsnever ends · never used');
    expect(view.rowText('two')).toContain('coder, second · 60 requests a minute');
    expect(view.rowText('two')).toMatch(/ends in 3 d 1[12] h · used 2 days ago/);
    expect(view.rowText('three')).toContain('ends with its kernel');
    expect(view.row('three')?.ariaLabel).toBe('Questions.ipynb, kernel');
    expect(view.rowText('four')).toContain('ends with its process');
    expect(view.row('five')?.ariaLabel).toBe('five, expired');
    expect(view.rowText('five')).toContain('expired yesterday');
  });
});

describe('a new key', () => {
  it('is made as wanted; its secret is shown once', async () => {
    const copy = vi.fn(() => Promise.resolve());
    await show([], copy);
    await view.press('New key');
    expect(document.activeElement).toBe(field('Label'));
    await type('Label', ' my editor ');
    await type('Ends after', '30');
    field('coder').click();
    await view.drawn();
    await type('Requests per minute', '60');
    await view.press('Create');
    expect(keys.asked).toEqual([
      {
        label: 'my editor',
        expires_in_seconds: 30 * 86_400,
        profiles: ['coder'],
        requests_per_minute: 60,
      },
    ]);
    expect(view.el.querySelector('form')).toBeNull();
    expect(secretField()?.value).toBe(SECRET);
    expect(document.activeElement).toBe(secretField());
    expect(view.text).toContain('it is never shown again');
    expect(view.el.querySelector('.mlxm-hidden[role=status]')?.textContent).toBe('Key created');
    expect(view.rowText('id-0')).toContain('my editor');
    await view.press('Copy the secret');
    expect(copy).toHaveBeenCalledExactlyOnceWith(SECRET);
    // Nothing but Done and Escape takes it away.
    await view.press('New key');
    expect(secretField()?.value).toBe(SECRET);
    await view.press('Done');
    expect(secretField()).toBeNull();
    expect(view.el.innerHTML).not.toContain(SECRET);
    expect(document.activeElement).toBe(view.button('New key'));
  });

  it('opens everything for ever unless it is told otherwise; Enter makes it', async () => {
    await show();
    await view.press('New key');
    await type('Label', 'ci');
    await view.key(field('Label'), 'Enter');
    expect(keys.asked).toEqual([
      { label: 'ci', expires_in_seconds: null, profiles: [], requests_per_minute: null },
    ]);
    const secret = secretField();
    expect(secret).not.toBeNull();
    await view.key(secret ?? view.el, 'Escape');
    expect(secretField()).toBeNull();
  });

  it('is not asked for without a label or with a rate that is none', async () => {
    await show();
    await view.press('New key');
    await type('Requests per minute', '1.5');
    await view.press('Create');
    expect(view.text).toContain('Say what it is for');
    expect(document.activeElement).toBe(field('Label'));
    await type('Label', 'ci');
    await view.press('Create');
    expect(field('Requests per minute').ariaInvalid).toBe('true');
    expect(document.activeElement).toBe(field('Requests per minute'));
    expect(keys.asked).toEqual([]);
  });

  it('goes on holding a profile that was deleted meanwhile, and says what was refused', async () => {
    await show();
    await view.press('New key');
    await type('Label', 'ci');
    field('coder').click();
    await view.show({ profiles: [] });
    expect(field('coder').checked).toBe(true);
    keys.refusal = new ProblemError({ code: 'unknown_profile', message: 'There is no coder.' });
    await view.press('Create');
    expect(keys.asked[0]?.profiles).toEqual(['coder']);
    expect(view.el.querySelector('[role=alert]')?.textContent).toContain('There is no coder.');
    expect(field('Label').value).toBe('ci');
  });

  it('has labels of its own on a page with a second one', async () => {
    await show();
    await view.press('New key');
    const other = new View();
    other.mount(KeysView, { keys });
    await other.show();
    await other.press('New key');
    const labels = [...other.el.querySelectorAll('label')];
    const own = labels.filter(({ control }) => other.el.contains(control) && control !== null);
    other.end();
    expect(labels).toHaveLength(3);
    expect(own).toEqual(labels);
  });

  it('is left by Escape', async () => {
    await show();
    await view.press('New key');
    await view.key(field('Label'), 'Escape');
    expect(view.el.querySelector('form')).toBeNull();
    expect(document.activeElement).toBe(view.button('New key'));
  });
});

describe('revoking', () => {
  it('is asked first', async () => {
    await show([gatewayKey('one', { label: 'my editor' }), gatewayKey('two')]);
    await view.press('Keys');
    await view.press('Revoke my editor');
    expect(view.rowText('one')).toContain('Programs that use it are refused from then on.');
    expect(document.activeElement).toBe(view.button('Keep'));
    await view.press('Keep');
    expect(keys.all).toHaveLength(2);
    expect(document.activeElement).toBe(view.row('one'));
    await view.press('Revoke my editor');
    await view.press('Revoke');
    expect(view.row('one')).toBeNull();
    expect(view.el.querySelector('.mlxm-hidden')?.textContent).toBe('my editor revoked');
    expect(document.activeElement).toBe(view.row('two'));
  });

  it('says in the row why it failed', async () => {
    await show([gatewayKey('one', { label: 'my editor' })]);
    await view.press('Keys');
    await view.press('Revoke my editor');
    keys.revoke = () =>
      Promise.reject(new ProblemError({ code: 'store_unusable', message: 'It is locked.' }));
    await view.press('Revoke');
    expect(view.rowText('one')).toContain('It is locked.');
    await view.press('Dismiss message');
    expect(view.rowText('one')).not.toContain('It is locked.');
  });
});
