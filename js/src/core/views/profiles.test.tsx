import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { ProblemError } from '../problem';
import type { Command } from '../store';
import { problem, profile, profileCheck, server } from '../testing/fixtures';
import { View } from '../testing/view';
import { ProfilesView } from './profiles';
import { SidebarBody } from './sidebar';

let view: View;

beforeEach(() => {
  view = new View();
});

afterEach(() => {
  view.end();
});

const CODER = profile('coder', { auto_start: true, pinned: true, temperature: 0.2 });

/** Answers like an extension that does what it is told. */
function obedient(command: Command): Promise<unknown> {
  switch (command.command) {
    case 'export_profiles':
      return Promise.resolve({ profiles: [CODER] });
    case 'import_profiles':
      return Promise.resolve([
        { name: 'one', did: 'created', was: null },
        { name: 'two', did: 'created', was: null },
      ]);
    case 'models':
      return Promise.resolve({ models: [], total: 0 });
    case 'starting_points':
      return Promise.resolve([]);
    case 'check_profile':
      return Promise.resolve(profileCheck());
    default:
      return Promise.resolve(undefined);
  }
}

async function show(more: Parameters<View['show']>[0] = {}): Promise<void> {
  view.mount(ProfilesView);
  view.store.answer = obedient;
  await view.show({ profiles: [CODER, profile('second')], ...more });
}

/** jsdom's files can't be read. */
function file(name: string, text: string): File {
  return Object.assign(new File([text], name), { text: () => Promise.resolve(text) });
}

function fileEvent(type: string, files: readonly File[]): DragEvent {
  const event = new Event(type, { bubbles: true, cancelable: true });
  return Object.assign(event, {
    dataTransfer: { types: ['Files'], files },
  }) as unknown as DragEvent;
}

describe('the list', () => {
  it('says what a profile is good for when there is none', async () => {
    await show({ profiles: [] });
    expect(view.text).toContain('No profiles yet');
    expect(view.text).toContain('under a name of yours');
    await view.press('New profile');
    expect(view.el.querySelector('form')?.ariaLabel).toBe('New profile');
  });

  it('tells what runs, what starts with Jupyter, what is pinned', async () => {
    await show({ servers: [server('coder', { profile: 'coder', restart_to_apply: true })] });
    expect(view.rowText('coder')).toContain('Qwen3-Coder-14B-4bit');
    expect(view.rowText('coder')).toContain('starts with Jupyter ●');
    expect(view.rowText('coder')).toContain('pinned');
    expect(view.rowText('coder')).toContain('ready');
    expect(view.rowText('coder')).toContain('restart to apply');
    expect(view.row('coder')?.ariaLabel).toBe('coder, ready');
    expect(view.labels(view.row('second') ?? undefined)).toEqual([
      'Start second',
      'More about second',
    ]);
  });

  it('starts by the profile and stops by the server', async () => {
    await show({ servers: [server('as-coder', { profile: 'coder' })] });
    await view.press('Stop coder');
    await view.press('Start second');
    expect(view.store.sent).toEqual([
      { command: 'stop', name: 'as-coder' },
      { command: 'serve', profile: 'second' },
    ]);
  });

  it('says a failure with its next step; beside the servers these do', async () => {
    const error = problem('A weight file is damaged.', { code: 'corrupt_weights' });
    const servers = [server('coder', { profile: 'coder', state: 'failed', error })];
    await show({ servers });
    expect(view.rowText('coder')).toContain('A weight file is damaged.');
    await view.press('Download again: Qwen3-Coder-14B-4bit');
    expect(view.store.sent.at(-1)).toEqual({
      command: 'download',
      wanted: { model: 'mlx-community/Qwen3-Coder-14B-4bit' },
    });
    view.mount(SidebarBody);
    await view.show({ servers, profiles: [CODER] });
    expect(view.text.split('A weight file is damaged.')).toHaveLength(2);
  });

  it('offers nothing on a saved picture', async () => {
    view.mount(ProfilesView);
    await view.show({ profiles: [CODER] }, { status: 'saved', problem: null });
    expect(view.labels()).toEqual([]);
  });

  it('opens forms where the host wants them', async () => {
    const openProfile = vi.fn();
    view.mount(ProfilesView, { openProfile });
    await view.show({ profiles: [CODER] });
    await view.press('New profile');
    await view.press('More about coder');
    await view.press('Edit coder');
    expect(openProfile.mock.calls).toEqual([[{ values: {} }], [{ name: 'coder' }]]);
    expect(view.el.querySelector('form')).toBeNull();
  });
});

describe('a start that memory forbids', () => {
  beforeEach(async () => {
    await show();
    view.store.answer = () =>
      Promise.reject(
        new ProblemError({
          code: 'not_enough_memory',
          message: 'It needs 71 GB, and 16.6 GB are free.',
          candidates: ['org/Smaller-4bit'],
        }),
      );
    await view.press('Start second');
  });

  it('is explained, and can be insisted on', async () => {
    expect(view.el.querySelector('[role=alert]')?.textContent).toContain('needs 71 GB');
    view.store.answer = obedient;
    await view.press('Start anyway');
    expect(view.store.sent.at(-1)).toEqual({ command: 'serve', profile: 'second', force: true });
    expect(view.el.querySelector('[role=alert]')).toBeNull();
  });

  it('names a smaller build that can be served instead', async () => {
    view.store.answer = obedient;
    await view.press('Serve Smaller-4bit instead');
    expect(view.store.sent.at(-1)).toEqual({ command: 'serve', model: 'org/Smaller-4bit' });
  });
});

describe('more', () => {
  const box = () => view.el.querySelector<HTMLInputElement>('.mlxm-name-question input');

  async function type(text: string): Promise<void> {
    const input = box();
    if (input) {
      input.value = text;
      input.dispatchEvent(new InputEvent('input', { bubbles: true }));
      await view.drawn();
    }
  }

  it('shows what is set', async () => {
    await show();
    await view.press('More about coder');
    const facts = [...(view.row('coder')?.querySelectorAll('dt') ?? [])].map(
      (one) => one.textContent,
    );
    expect(facts).toEqual(['Model', 'Temperature', 'Start with Jupyter', 'Pinned']);
  });

  it('deletes after a question that says what that affects', async () => {
    await show({ servers: [server('coder', { profile: 'coder' })] });
    await view.press('More about coder');
    await view.press('Delete coder');
    expect(view.text).toContain('coder runs from it and goes on until it is stopped.');
    expect(view.text).toContain('It starts with Jupyter no more.');
    expect(document.activeElement?.textContent).toBe('Keep');
    expect(view.store.sent).toEqual([]);
    await view.press('Delete');
    expect(view.store.sent).toEqual([{ command: 'delete_profile', name: 'coder' }]);
  });

  it('duplicates under a free name', async () => {
    await show({ profiles: [CODER, profile('coder-2')] });
    await view.press('More about coder');
    await view.press('Duplicate coder');
    expect(box()?.value).toBe('coder-3');
    await type('coder-2');
    expect(view.text).toContain('There is one of that name.');
    await view.press('Duplicate');
    expect(view.store.sent).toEqual([]);
    await type('other');
    await view.press('Duplicate');
    expect(view.store.sent).toEqual([{ command: 'copy_profile', name: 'coder', to: 'other' }]);
  });

  it('renames by the Enter key, after saying what will not find it', async () => {
    await show({ servers: [server('coder', { profile: 'coder' })] });
    await view.press('More about coder');
    await view.press('Rename coder');
    expect(view.text).toContain('Cells and programs that say coder will not find it any more.');
    expect(view.text).toContain('coder keeps its name until it is stopped.');
    await type('two words');
    expect(box()?.getAttribute('aria-invalid')).toBe('true');
    await type('writer');
    await view.key(box() ?? view.el, 'Enter');
    expect(view.store.sent).toEqual([
      { command: 'edit_profile', name: 'coder', values: { name: 'writer' } },
    ]);
  });

  it('tries what runs, and says what works', async () => {
    await show({ servers: [server('coder', { profile: 'coder' })] });
    view.store.answer = () =>
      Promise.resolve({
        findings: [
          { what: 'tools', works: true, detail: 'It called the tool.' },
          { what: 'reasoning', works: false, detail: 'No thought was told apart.' },
        ],
      });
    await view.press('More about coder');
    await view.press('Try coder with a tool, a thought and a schema');
    expect(view.store.sent).toEqual([{ command: 'probe_profile', name: 'coder' }]);
    expect(view.rowText('coder')).toContain('tools work.');
    expect(view.rowText('coder')).toContain('thinking does not: No thought was told apart.');
  });

  it('exports into a file', async () => {
    const saved: Blob[] = [];
    URL.createObjectURL = (blob) => {
      saved.push(blob as Blob);
      return 'blob:1';
    };
    URL.revokeObjectURL = () => undefined;
    vi.spyOn(HTMLAnchorElement.prototype, 'click').mockImplementation(() => undefined);
    await show();
    await view.press('More about coder');
    await view.press('Export coder');
    expect(view.text).toContain('Saved as coder.json.');
    expect(saved[0]?.type).toBe('application/json');
  });
});

describe('importing', () => {
  const json = file('profiles.json', '{"profiles": []}');

  it('takes files that are dropped, and says what came', async () => {
    await show();
    const target = view.row('coder') ?? view.el;
    target.dispatchEvent(fileEvent('dragenter', []));
    await view.drawn();
    expect(view.el.querySelector<HTMLElement>('.mlxm-drop')?.dataset.over).toBe('true');
    target.dispatchEvent(fileEvent('drop', [json]));
    await view.drawn();
    expect(view.store.sent).toEqual([{ command: 'import_profiles', document: { profiles: [] } }]);
    expect(view.text).toContain('Imported: one, two.');
    expect(view.el.querySelector<HTMLElement>('.mlxm-drop')?.dataset.over).toBe('false');
  });

  it('asks what shall become of names that are taken', async () => {
    await show();
    view.store.answer = () =>
      Promise.reject(new ProblemError({ code: 'name_taken', message: 'There is coder already.' }));
    view.row('coder')?.dispatchEvent(fileEvent('drop', [json]));
    await view.drawn();
    expect(view.el.querySelector('[role=alert]')?.textContent).toContain('There is coder already.');
    view.store.answer = () =>
      Promise.resolve([
        { name: 'coder-2', did: 'renamed', was: 'coder' },
        { name: 'second', did: 'replaced', was: null },
      ]);
    await view.press('Keep both');
    expect(view.store.sent.at(-1)).toEqual({
      command: 'import_profiles',
      document: { profiles: [] },
      on_conflict: 'rename',
    });
    expect(view.text).toContain('Imported: coder-2 (was coder), second (replaced).');
    expect(view.el.querySelector('[role=alert]')).toBeNull();
  });

  it('says that a file is none', async () => {
    await show();
    view.row('coder')?.dispatchEvent(fileEvent('drop', [file('notes.yaml', 'x: 1')]));
    await view.drawn();
    expect(view.el.querySelector('[role=alert]')?.textContent).toContain('notes.yaml');
    expect(view.store.sent).toEqual([]);
  });
});
