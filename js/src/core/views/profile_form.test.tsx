import { act } from 'preact/test-utils';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { createFormat } from '../format';
import { PLAIN_HOST, type ProfileSubject } from '../host';
import { reduce } from '../reduce';
import type { ProfileCheck, Snapshot } from '../schema';
import { INITIAL_STATE, type Command } from '../store';
import { problem, profile, profileCheck, server, snapshot } from '../testing/fixtures';
import { View } from '../testing/view';
import { renderProfileForm } from './profile_form';

let view: View;
let life: AbortController;
let check: ProfileCheck;
const onLeave = vi.fn();
const onStatus = vi.fn();

beforeEach(() => {
  view = new View();
  life = new AbortController();
  check = profileCheck();
  onLeave.mockReset();
  onStatus.mockReset();
  view.store.answer = (command) => Promise.resolve(answer(command));
});

afterEach(() => {
  life.abort();
  view.end();
});

function answer(command: Command): unknown {
  switch (command.command) {
    case 'check_profile':
      return check;
    case 'models':
      return { models: [], total: 0 };
    case 'starting_points':
      return [
        { family: 'Qwen3', title: 'Thinking', reason: 'as advised', values: { temperature: 0.6 } },
      ];
    case 'create_profile':
      return profile('new', command.values);
    case 'edit_profile':
      return { ...profile(command.name), ...command.values };
    default:
      return undefined;
  }
}

async function open(subject: ProfileSubject, more: Partial<Snapshot> = {}): Promise<void> {
  await world(more);
  void act(() => {
    const host = { ...PLAIN_HOST, format: createFormat('en') };
    renderProfileForm(view.el, view.store, life.signal, { subject, onLeave, onStatus }, host);
  });
  await view.drawn();
}

async function world(more: Partial<Snapshot>): Promise<void> {
  view.store.show(reduce(INITIAL_STATE, snapshot(more.servers ?? [], more)));
  await view.drawn();
}

const CODER = profile('coder', { temperature: 0.2 });
const edit = (more: Partial<Snapshot> = {}) =>
  open({ name: 'coder' }, { profiles: [CODER], ...more });

const box = (name: string) => {
  const found = view.el.querySelector<HTMLInputElement>(
    `[data-field="${name}"] :is(input, select, textarea)`,
  );
  if (!found) {
    throw new Error(`no field ${name}`);
  }
  return found;
};
const field = (name: string) => view.el.querySelector<HTMLElement>(`[data-field="${name}"]`);
const status = () =>
  view.el.querySelector('.mlxm-form-status')?.textContent.replaceAll('\u00a0', ' ') ?? '';
const sections = () => [...view.el.querySelectorAll('h3')].map((one) => one.textContent);

async function type(name: string, text: string): Promise<void> {
  box(name).value = text;
  box(name).dispatchEvent(new InputEvent('input', { bubbles: true }));
  await view.drawn();
}

const sent = (command: string) => view.store.sent.filter((one) => one.command === command);

describe('what is shown', () => {
  it('has a labelled, described control for every field that the engine honours', async () => {
    await edit();
    expect(sections()).toContain('Context and memory');
    expect(sections().some((title) => title.startsWith('Remote or command'))).toBe(false);
    expect(field('tool_call_parser')).toBeNull();
    for (const control of view.el.querySelectorAll<HTMLElement>('.mlxm-control > *[id]')) {
      expect(view.el.querySelector(`label[for="${control.id}"]`)?.textContent).not.toBe('');
      const help = control.getAttribute('aria-describedby') ?? '';
      expect(document.getElementById(help)?.textContent).not.toBe('');
    }
  });

  it('tells a value from what holds without one, and takes it back', async () => {
    await edit();
    expect(field('temperature')?.dataset.set).toBe('true');
    expect(field('top_p')?.dataset.set).toBe('false');
    expect(box('top_p').placeholder).toBe("engine's default");
    await view.press("Reset Temperature: engine's default");
    expect(field('temperature')?.dataset.set).toBe('false');
    expect(document.activeElement).toBe(box('temperature'));
  });

  it('keeps apart what is set and not honoured', async () => {
    await open({ name: 'coder' }, { profiles: [profile('coder', { queue_size: 4 })] });
    expect(sections().at(-1)).toContain('Not honoured by mlx-lm');
    expect(field('queue_size')?.dataset.set).toBe('true');
    await type('queue_size', '');
    expect(field('queue_size')).toBeNull();
  });

  it('shows all while nobody knows what is honoured', async () => {
    view.store.answer = () => Promise.reject(new Error('Away.'));
    await edit();
    expect(sections().some((title) => title.startsWith('Remote or command'))).toBe(true);
  });

  it('finds a setting by what it is called or does', async () => {
    await edit();
    const search = view.searchBox;
    search.value = 'likeliest one';
    search.dispatchEvent(new InputEvent('input', { bubbles: true }));
    await view.drawn();
    const names = [...view.el.querySelectorAll<HTMLElement>('[data-field]')];
    expect(names.map((one) => one.dataset.field)).toEqual(['min_p']);
  });

  it('says that a profile is gone, or that nothing is known yet', async () => {
    await open({ name: 'ghost' });
    expect(view.text).toContain('There is no profile ghost.');
  });
});

describe('typing', () => {
  it('says at once what is out of range, where it is and below', async () => {
    await edit();
    await type('temperature', '3');
    expect(box('temperature').getAttribute('aria-invalid')).toBe('true');
    const help = box('temperature').getAttribute('aria-describedby') ?? '';
    expect(document.getElementById(help)?.textContent).toBe('From 0 to 2.');
    expect(status()).toBe('Temperature: From 0 to 2.');
    await type('temperature', '1');
    expect(box('temperature').hasAttribute('aria-invalid')).toBe(false);
    expect(status()).toBe('1 change, not saved.');
  });

  it('shows what the extension says of a field', async () => {
    check = profileCheck({ problems: [{ field: 'temperature', problem: problem('Too warm.') }] });
    await edit();
    expect(status()).toBe('Temperature: Too warm.');
  });

  it('says nothing of empty fields before anybody was there', async () => {
    await open({ values: {} });
    expect(view.el.querySelectorAll('[aria-invalid]')).toHaveLength(0);
    box('name').dispatchEvent(new FocusEvent('blur'));
    await view.drawn();
    expect(box('name').getAttribute('aria-invalid')).toBe('true');
    expect(field('model')?.dataset.wrong).toBe('false');
  });

  it('offers suggestions with their reason, and types them when pressed', async () => {
    const suggestion = {
      field: 'top_k',
      value: 20,
      reason: 'generation_config.json',
      proven: false,
    };
    check = profileCheck({ suggestions: [suggestion] });
    await edit();
    await view.press('Set Top k to 20: generation_config.json');
    expect(box('top_k').value).toBe('20');
    expect(document.activeElement).toBe(box('top_k'));
    expect(view.labels().some((label) => label.startsWith('Set Top k'))).toBe(false);
  });

  it('begins with a starting point', async () => {
    await open({ values: { model: 'org/Qwen3' } });
    await view.press('Thinking: as advised');
    expect(box('temperature').value).toBe('0.6');
    expect(box('model').value).toBe('org/Qwen3');
  });

  it('asks for a confirmation of another host only', async () => {
    await edit();
    const network = [...view.el.querySelectorAll('h3 button')].find((one) =>
      one.textContent.startsWith('Network'),
    );
    (network as HTMLElement).click();
    await view.drawn();
    expect(field('host_confirmed')).toBeNull();
    await type('host', '0.0.0.0');
    box('host').dispatchEvent(new FocusEvent('blur'));
    await view.press('Save');
    expect(status()).toContain('Engines ask nobody for a key');
    expect(sent('edit_profile')).toEqual([]);
    box('host_confirmed').click();
    await view.drawn();
    await view.press('Save');
    expect(sent('edit_profile')).toEqual([
      {
        command: 'edit_profile',
        name: 'coder',
        values: { host: '0.0.0.0', host_confirmed: true },
      },
    ]);
  });

  it('offers the old name as an alias of a renamed one', async () => {
    await edit();
    await type('name', 'writer');
    await view.press('Set Aliases to coder: what says coder goes on working');
    expect(box('aliases').value).toBe('coder');
  });
});

describe('saving', () => {
  it('makes a profile, which can be started then', async () => {
    await open({ values: { model: 'org/model' } });
    await type('name', 'fresh');
    await view.key(box('name'), 'Enter');
    expect(sent('create_profile')).toEqual([
      { command: 'create_profile', values: { name: 'fresh', model: 'org/model' } },
    ]);
    expect(onStatus).toHaveBeenLastCalledWith({ name: 'fresh', dirty: false });
    expect(status()).toBe('Saved.');
    await view.press('Start fresh');
    expect(sent('serve')).toEqual([{ command: 'serve', profile: 'fresh' }]);
  });

  it('says what runs from it, before and after, and restarts it', async () => {
    const running = server('coder', { profile: 'coder' });
    await edit({ servers: [running] });
    await type('temperature', '1');
    expect(status()).toContain('coder runs from it, and goes on as it is until it is restarted.');
    await view.press('Save');
    await world({
      servers: [{ ...running, restart_to_apply: true }],
      profiles: [profile('coder', { temperature: 1 })],
    });
    expect(status()).toContain('coder runs from it as it was: restart to apply.');
    await view.press('Restart coder');
    expect(sent('restart')).toEqual([{ command: 'restart', name: 'coder' }]);
  });

  it('shows why it was refused', async () => {
    await edit();
    await type('temperature', '1');
    view.store.answer = () => Promise.reject(new Error('The disk is full.'));
    await view.press('Save');
    expect(status()).toBe('The disk is full.');
    expect(box('temperature').value).toBe('1');
  });

  it('goes to the first field that is wrong', async () => {
    await open({ values: {} });
    await view.press('Save');
    await view.drawn();
    expect(document.activeElement).toBe(box('name'));
  });
});

describe('leaving', () => {
  it('is free while nothing was typed', async () => {
    await edit();
    await view.key(box('name'), 'Escape');
    expect(onLeave).toHaveBeenCalledOnce();
  });

  it('asks before what was typed is lost', async () => {
    await edit();
    await type('temperature', '1');
    await view.key(box('temperature'), 'Escape');
    expect(view.text).toContain('Leave without saving 1 change?');
    await view.press('Keep editing');
    expect(onLeave).not.toHaveBeenCalled();
    expect(box('temperature').value).toBe('1');
    await view.press('Discard the changes');
    await view.press('Discard');
    expect(onLeave).toHaveBeenCalledOnce();
  });
});
