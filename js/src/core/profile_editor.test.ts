import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { english } from './host';
import { ProblemError } from './problem';
import { FIELDS } from './profile_draft';
import { isDirty, problemsOf, ProfileEditor, saidProblems } from './profile_editor';
import type { Profile, ProfileCheck } from './schema';
import type { Command } from './store';
import { FakeStore } from './testing/fake_store';
import { problem, profile, profileCheck } from './testing/fixtures';

let store: FakeStore;
let check: ProfileCheck;
let editors: ProfileEditor[];

beforeEach(() => {
  vi.useFakeTimers();
  store = new FakeStore();
  check = profileCheck();
  editors = [];
  store.answer = (command) => Promise.resolve(answer(command));
});

afterEach(() => {
  for (const editor of editors) {
    editor.end();
  }
  vi.useRealTimers();
});

function answer(command: Command): unknown {
  switch (command.command) {
    case 'check_profile':
      return check;
    case 'starting_points':
      return [];
    case 'create_profile':
      return profile('new', command.values);
    case 'edit_profile':
      return profile(command.name, command.values);
    default:
      return undefined;
  }
}

function edit(saved: Profile | null, values = {}): ProfileEditor {
  const editor = new ProfileEditor(store, english, saved, values);
  editors.push(editor);
  return editor;
}

function type(editor: ProfileEditor, name: string, text: string): void {
  const field = FIELDS.find((one) => one.name === name);
  if (field) {
    editor.type(field, text);
  }
}

const settled = () => vi.advanceTimersByTimeAsync(300);
const checks = () => store.sent.filter(({ command }) => command === 'check_profile');
const problems = (editor: ProfileEditor) => problemsOf(editor.snapshot(), english);

describe('checking', () => {
  it('happens at once, then when typing pauses, without what can not be read', async () => {
    const editor = edit(null, { model: 'org/model' });
    await settled();
    type(editor, 'temperature', '0');
    type(editor, 'temperature', '0.');
    type(editor, 'temperature', '0.7');
    type(editor, 'port', 'http');
    await settled();
    expect(checks()).toEqual([
      { command: 'check_profile', values: { model: 'org/model' } },
      { command: 'check_profile', values: { model: 'org/model', temperature: 0.7 } },
    ]);
    expect(problems(editor).port).toBe('A whole number.');
  });

  it('shows what the extension says until the field is another', async () => {
    check = profileCheck({
      problems: [{ field: 'port', problem: problem('Taken.', { hint: 'Leave it.' }) }],
    });
    const editor = edit(profile('coder', { port: 8888 }));
    await settled();
    expect(problems(editor)).toEqual({ port: 'Taken. Leave it.' });
    check = profileCheck();
    type(editor, 'port', '8889');
    expect(problems(editor)).toEqual({});
  });

  it('does not take its own name for another’s', async () => {
    const taken = problem('There is one.', { code: 'name_taken' });
    check = profileCheck({ problems: [{ field: 'name', problem: taken }] });
    const editor = edit(profile('coder'));
    await settled();
    expect(problems(editor)).toEqual({});
  });

  it('shows a problem of a record in the part that is set', async () => {
    check = profileCheck({ problems: [{ field: 'distributed', problem: problem('9 heads.') }] });
    const distributed = {
      hosts: ['a', 'b'],
      hostfile: null,
      ranks: null,
      backend: 'ring',
    } as const;
    const editor = edit(profile('coder', { distributed }));
    await settled();
    expect(problems(editor)).toEqual({ 'distributed.hosts': '9 heads.' });
  });

  it('ignores the answer to an older question', async () => {
    const answers: ((found: ProfileCheck) => void)[] = [];
    store.answer = (command) =>
      command.command === 'check_profile'
        ? new Promise((resolve) => answers.push(resolve))
        : Promise.resolve([]);
    const editor = edit(profile('coder'));
    await settled();
    type(editor, 'port', '1');
    await settled();
    answers[1]?.(profileCheck({ engine: 'mlx-vlm' }));
    answers[0]?.(profileCheck({ engine: 'command' }));
    await settled();
    expect(editor.snapshot().check?.engine).toBe('mlx-vlm');
  });

  it('says why there is no check', async () => {
    store.answer = () => Promise.reject(new ProblemError({ code: 'x', message: 'Away.' }));
    const editor = edit(profile('coder'));
    await settled();
    expect(editor.snapshot().unchecked?.message).toBe('Away.');
  });
});

describe('saving', () => {
  it('makes a new one of what is set, and edits it from then on', async () => {
    const editor = edit(null);
    type(editor, 'name', 'coder');
    type(editor, 'model', 'org/model');
    type(editor, 'temperature', '0.2');
    expect((await editor.save())?.name).toBe('coder');
    expect(store.sent).toContainEqual({
      command: 'create_profile',
      values: { name: 'coder', model: 'org/model', temperature: 0.2 },
    });
    expect(editor.snapshot().outcome).toEqual({ kind: 'created' });
    expect(isDirty(editor.snapshot())).toBe(false);
    type(editor, 'temperature', '');
    await editor.save();
    expect(store.sent.at(-1)).toEqual({
      command: 'edit_profile',
      name: 'coder',
      values: { temperature: null },
    });
  });

  it('is not tried with what can not be read; then everything is said', async () => {
    const editor = edit(null);
    expect(saidProblems(editor.snapshot(), english)).toEqual({});
    expect(await editor.save()).toBeNull();
    expect(Object.keys(saidProblems(editor.snapshot(), english))).toEqual(['name', 'model']);
    expect(store.sent.some(({ command }) => command === 'create_profile')).toBe(false);
  });

  it('keeps what was typed when it is refused', async () => {
    const editor = edit(profile('coder'));
    store.answer = () => Promise.reject(new ProblemError({ code: 'x', message: 'No.' }));
    type(editor, 'temperature', '1');
    await editor.save();
    const { outcome, draft } = editor.snapshot();
    expect(outcome).toMatchObject({ kind: 'failed', problem: { message: 'No.' } });
    expect(draft.temperature).toBe('1');
  });
});

describe('a change elsewhere', () => {
  it('is taken over where nothing was typed', () => {
    const editor = edit(profile('coder'));
    editor.follow(profile('coder', { temperature: 1 }));
    expect(editor.snapshot().draft.temperature).toBe('1');
    expect(isDirty(editor.snapshot())).toBe(false);
  });

  it('is told where something was, and only what was typed overwrites it', async () => {
    const editor = edit(profile('coder'));
    type(editor, 'top_k', '5');
    editor.follow(profile('coder', { temperature: 1 }));
    expect(editor.snapshot().elsewhere).toBe('changed');
    expect(editor.snapshot().draft).toMatchObject({ top_k: '5', temperature: '1' });
    await editor.save();
    expect(store.sent.at(-1)).toMatchObject({ command: 'edit_profile', values: { top_k: 5 } });
    expect(store.sent.at(-1)).not.toHaveProperty('values.temperature');
  });

  it('is none when the store learns later than we do what we saved', async () => {
    const old = profile('coder');
    const editor = edit(old);
    type(editor, 'name', 'writer');
    store.answer = () => Promise.resolve(profile('writer'));
    await editor.save();
    editor.follow(undefined);
    expect(editor.snapshot().elsewhere).toBeNull();
    editor.follow(profile('writer'));
    expect(editor.snapshot().elsewhere).toBeNull();
    editor.follow(undefined);
    expect(editor.snapshot().elsewhere).toBe('deleted');
  });

  it('may be that it is gone: saving makes it again', async () => {
    const editor = edit(profile('coder'));
    editor.follow(undefined);
    expect(editor.snapshot().elsewhere).toBe('deleted');
    await editor.save();
    expect(store.sent.at(-1)?.command).toBe('create_profile');
  });
});

it('asks for starting points once a model, while the profile is new', async () => {
  const editor = edit(null, { model: 'org/one' });
  await settled();
  type(editor, 'top_k', '5');
  await settled();
  type(editor, 'model', 'org/two');
  await settled();
  edit(profile('saved'));
  await settled();
  const asked = store.sent.filter(({ command }) => command === 'starting_points');
  expect(asked).toEqual([
    { command: 'starting_points', model: 'org/one' },
    { command: 'starting_points', model: 'org/two' },
  ]);
});
