import { describe, expect, it } from 'vitest';

import { readField, showField } from './field_values';
import { english } from './host';
import { changesOf, draftOf, FIELDS, opensHost, readDraft, withText } from './profile_draft';
import type { FormField } from './profile_fields';
import { profile } from './testing/fixtures';

function field(name: string): FormField {
  const found = FIELDS.find((one) => one.name === name);
  if (!found) {
    throw new Error(`no field ${name}`);
  }
  return found;
}

const read = (name: string, text: string) => readField(field(name), text, english);

/** A profile as the plain values it is. */
const values = (more: Parameters<typeof profile>[1] = {}) => ({ ...profile('coder', more) });

describe('what is typed', () => {
  it.each([
    ['temperature', '0.7', 0.7],
    ['max_tokens', '4_096', 4096],
    ['context_length', '32k', 32768],
    ['idle_unload_seconds', '20 m', 1200],
    ['idle_unload_seconds', '1.5h', 5400],
    ['queue_timeout', '30', 30],
    ['prompt_cache_bytes', '4 GB', 4 * 2 ** 30],
    ['kv_bits', '4', 4],
    ['auto_start', 'true', true],
    ['aliases', 'gpt-4o, local', ['gpt-4o', 'local']],
    ['distributed.hosts', 'one.local two.local', ['one.local', 'two.local']],
    ['extra_args', "--a 'b c'", ['--a', 'b c']],
    ['env', 'A=1\n\n B = x=y ', { A: '1', B: 'x=y' }],
    ['chat_template_args', '{"enable_thinking": false}', { enable_thinking: false }],
    ['system_prompt', ' as it is \n', ' as it is \n'],
  ])('%s: %s', (name, text, value) => {
    expect(read(name, text)).toEqual({ value });
  });

  it.each([
    ['temperature', '2.1', 'From 0 to 2.'],
    ['temperature', 'warm', 'A number.'],
    ['temperature', '1 m', 'A number.'],
    ['top_p', '-0.1', 'From 0 to 1.'],
    ['repetition_penalty', '0', 'More than 0, at most 2.'],
    ['queue_timeout', '0', 'More than 0.'],
    ['max_tokens', '0', 'At least 1.'],
    ['max_tokens', '1.5', 'A whole number.'],
    ['port', '65536', 'From 1 to 65535.'],
    ['distributed.ranks', '1', 'At least 2.'],
    ['name', 'two words', 'Letters, digits,'],
    ['aliases', 'fine, b@d', 'Letters, digits,'],
    ['base_url', 'studio:8888', 'An address such as'],
    ['api_key_env', 'MY-KEY', 'The name of an environment variable.'],
    ['ready_path', 'health', 'A path that begins with /.'],
    ['extra_args', "'open", 'A quote is not closed.'],
    ['env', 'A=1\nnonsense', '“nonsense” is not'],
    ['chat_template_args', '[1]', 'A JSON object'],
    ['chat_template_args', '{', 'A JSON object'],
  ])('is refused: %s %s', (name, text, why) => {
    expect(read(name, text).wrong).toContain(why);
  });

  it('reads back as the value it was shown for, in every field', () => {
    const full = values({
      aliases: ['a', 'b'],
      idle_unload_seconds: 90,
      prompt_cache_bytes: 3 * 2 ** 29,
      context_length: 40960,
      queue_timeout: 0.5,
      env: { A: '1', B: 'two words' },
      extra_args: ['--x', 'a b', "it's"],
      chat_template_args: { a: [1, { b: null }] },
      distributed: { hosts: ['one', 'two'], hostfile: null, ranks: null, backend: 'mpi' },
    });
    const { values: again, wrong } = readDraft(draftOf(full), english);
    expect(wrong).toEqual({});
    expect(again).toEqual({
      name: 'coder',
      model: full.model,
      aliases: ['a', 'b'],
      idle_unload_seconds: 90,
      prompt_cache_bytes: 3 * 2 ** 29,
      context_length: 40960,
      queue_timeout: 0.5,
      env: full.env,
      extra_args: full.extra_args,
      chat_template_args: full.chat_template_args,
      distributed: { hosts: ['one', 'two'], backend: 'mpi' },
    });
  });

  it('shows round times and sizes as people say them', () => {
    expect(showField(field('idle_unload_seconds'), 1200)).toBe('20 m');
    expect(showField(field('idle_unload_seconds'), 90)).toBe('90 s');
    expect(showField(field('prompt_cache_bytes'), 2 ** 31)).toBe('2 GB');
    expect(showField(field('context_length'), 32768)).toBe('32768');
  });
});

describe('a draft', () => {
  it('has no value where what holds anyway is typed', () => {
    let draft = withText({}, field('on_demand'), 'false');
    expect(draft).toEqual({ on_demand: 'false' });
    draft = withText(draft, field('on_demand'), 'true');
    draft = withText(draft, field('engine'), 'auto');
    draft = withText(draft, field('temperature'), '  ');
    expect(draft).toEqual({});
  });

  it('needs a name, and a model unless it runs elsewhere', () => {
    expect(Object.keys(readDraft({}, english).wrong)).toEqual(['name', 'model']);
    expect(readDraft({ name: 'a', engine: 'remote' }, english).wrong).toEqual({});
  });

  it('opens a host only with a confirmation', () => {
    const draft = { name: 'a', model: 'b', host: '0.0.0.0' };
    expect(opensHost(draft)).toBe(true);
    expect(opensHost({ ...draft, host: 'localhost' })).toBe(false);
    expect(Object.keys(readDraft(draft, english).wrong)).toEqual(['host_confirmed']);
    expect(readDraft({ ...draft, host_confirmed: 'true' }, english).wrong).toEqual({});
  });

  it('spreads in one way only', () => {
    const base = { name: 'a', model: 'b' };
    const both = { ...base, 'distributed.ranks': '2', 'distributed.hosts': 'one' };
    expect(readDraft(both, english).wrong['distributed.hosts']).toContain('Only one');
    const none = { ...base, 'distributed.backend': 'mpi' };
    expect(readDraft(none, english).wrong['distributed.backend']).toContain('how many');
  });

  it('says of a change what it changes, and what holds where a value was taken away', () => {
    const valuesOf = (more: Parameters<typeof profile>[1]) =>
      readDraft(draftOf(values(more)), english).values;
    const before = valuesOf({
      temperature: 0.5,
      pinned: true,
      aliases: ['a'],
      distributed: { hosts: [], hostfile: null, ranks: 2, backend: 'ring' },
    });
    expect(changesOf(before, before)).toEqual({});
    expect(changesOf(before, valuesOf({ max_tokens: 9 }))).toEqual({
      max_tokens: 9,
      temperature: null,
      pinned: false,
      aliases: [],
      distributed: null,
    });
  });
});
