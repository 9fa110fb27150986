import { readField, showField } from './field_values';
import type { Translate } from './host';
import { FORM, type FormField } from './profile_fields';

/** What stands in the fields of a form, by field; a field without a value is not in it. */
export type Draft = Readonly<Record<string, string>>;

export type Values = Readonly<Record<string, unknown>>;

/** A draft, read: its values, and what is wrong with the fields that have none for it. */
export interface Read {
  readonly values: Values;
  readonly wrong: Readonly<Record<string, string>>;
}

export const FIELDS: readonly FormField[] = FORM.flatMap((section) => section.fields);

/** The only hosts that nobody else reaches: see `LOOPBACK` of the extension's profiles. */
const LOOPBACK: ReadonlySet<string> = new Set(['127.0.0.1', 'localhost', '::1']);

/** Engines that run what they are told, without a model of this machine. */
const NO_MODEL: ReadonlySet<string> = new Set(['remote', 'command']);

/** The field of `Profile` that a field of the form is, or is a part of. */
export function rootOf(name: string): string {
  return name.split('.')[0] ?? name;
}

/** The fields that differ from what they are when nobody says anything. */
export function draftOf(values: Values): Draft {
  const draft: Record<string, string> = {};
  for (const field of FIELDS) {
    const value = valueAt(values, field.name);
    if (value !== undefined && value !== null && !same(value, field.initial)) {
      draft[field.name] = showField(field, value);
    }
  }
  return draft;
}

/** The draft with this text in a field; no text, or what holds anyway, is no value. */
export function withText(draft: Draft, field: FormField, text: string): Draft {
  const others = Object.fromEntries(Object.entries(draft).filter(([name]) => name !== field.name));
  const initial = field.initial === null ? '' : showField(field, field.initial);
  return text.trim() === '' || text === initial ? others : { ...others, [field.name]: text };
}

/** Reads all fields; ranges are those of the table, the rest is for the extension to say. */
export function readDraft(draft: Draft, t: Translate): Read {
  const values: Record<string, unknown> = {};
  const wrong: Record<string, string> = {};
  for (const field of FIELDS) {
    const text = draft[field.name];
    if (text === undefined) {
      continue;
    }
    const read = readField(field, text, t);
    if (read.wrong === undefined) {
      put(values, field.name, read.value);
    } else {
      wrong[field.name] = read.wrong;
    }
  }
  return { values, wrong: { ...together(draft, values, t), ...wrong } };
}

/** What can't be together, or is missing. */
function together(draft: Draft, values: Values, t: Translate): Record<string, string> {
  const wrong: Record<string, string> = {};
  if (draft.name === undefined) {
    wrong.name = t('It needs a name.');
  }
  if (draft.model === undefined && !NO_MODEL.has(draft.engine ?? '')) {
    wrong.model = t('It needs a model.');
  }
  if (opensHost(draft) && values.host_confirmed !== true) {
    wrong.host_confirmed = t('Engines ask nobody for a key: confirm it, or leave the host unset.');
  }
  const ways = ['distributed.ranks', 'distributed.hosts', 'distributed.hostfile'];
  const chosen = ways.filter((name) => draft[name] !== undefined);
  const [one, two] = chosen;
  if (one !== undefined && two !== undefined) {
    wrong[two] = t('Only one of processes, machines and hostfile.');
  } else if (one === undefined && draft['distributed.backend'] !== undefined) {
    wrong['distributed.backend'] = t('Say how many processes, or which machines.');
  }
  return wrong;
}

/** Others than this machine would reach the engine. */
export function opensHost(draft: Draft): boolean {
  return draft.host !== undefined && !LOOPBACK.has(draft.host.trim());
}

/** What a change has to say: a field that was unset again gets what holds without a value. */
export function changesOf(before: Values, after: Values): Values {
  const changes: Record<string, unknown> = {};
  for (const field of FIELDS) {
    const root = rootOf(field.name);
    if (!same(before[root], after[root])) {
      changes[root] = after[root] ?? (root === field.name ? field.initial : null);
    }
  }
  return changes;
}

function valueAt(values: Values, name: string): unknown {
  const [root = name, part] = name.split('.');
  const value = values[root];
  return part === undefined ? value : (value as Values | null | undefined)?.[part];
}

function put(values: Record<string, unknown>, name: string, value: unknown): void {
  const [root = name, part] = name.split('.');
  if (part === undefined) {
    values[root] = value;
  } else {
    values[root] = { ...(values[root] as Values | undefined), [part]: value };
  }
}

function same(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
