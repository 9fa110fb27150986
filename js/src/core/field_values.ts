import type { Translate } from './host';
import type { FormField } from './profile_fields';
import { joinWords, splitWords } from './words';

/** What a text means as the value of a field, or what is wrong with it. */
export type Reading =
  { readonly value: unknown; readonly wrong?: undefined } | { readonly wrong: string };

/** What may stand behind a number, by the field's unit. Memory counts in binary, as everywhere. */
const SUFFIXES: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  tokens: { k: 2 ** 10, m: 2 ** 20 },
  seconds: { s: 1, m: 60, h: 3600, d: 86_400 },
  bytes: { kb: 2 ** 10, mb: 2 ** 20, gb: 2 ** 30, tb: 2 ** 40 },
};

const NUMBER = /^(-?[\d_]*\.?\d+(?:e-?\d+)?)\s*([a-z]*)$/i;

/** Reads what was typed; an empty text is no value and is not read. */
export function readField(field: FormField, text: string, t: Translate): Reading {
  const typed = text.trim();
  switch (field.kind) {
    case 'text':
      return matching(field, field.long === true ? text : typed, t);
    case 'integer':
    case 'number':
      return readNumber(field, typed, t);
    case 'choice': {
      const value = field.options?.find((option) => String(option) === typed);
      return value === undefined
        ? { wrong: t('One of %1.', field.options?.join(', ') ?? '') }
        : { value };
    }
    case 'switch':
      return { value: typed === 'true' };
    case 'words':
      return readWords(field, typed, t);
    case 'pairs':
      return readPairs(typed, t);
    case 'json':
      return readJson(typed, t);
  }
}

/** A value as a text that reads back as the same. */
export function showField(field: FormField, value: unknown): string {
  switch (field.kind) {
    case 'words':
      return separated(field)
        ? (value as readonly string[]).join(', ')
        : joinWords(value as readonly string[]);
    case 'pairs':
      return Object.entries(value as Record<string, string>)
        .map(([name, text]) => `${name}=${text}`)
        .join('\n');
    case 'json':
      return JSON.stringify(value);
    case 'integer':
    case 'number':
      return showNumber(field, value as number);
    default:
      return String(value);
  }
}

function showNumber({ unit }: FormField, value: number): string {
  // 32k is how people say it, but 32768 is what they look for.
  const suffixes = unit === 'tokens' ? {} : (SUFFIXES[unit ?? ''] ?? {});
  const [suffix, size] =
    Object.entries(suffixes)
      .reverse()
      .find(([, each]) => value >= each && value % each === 0) ?? [];
  return suffix === undefined || size === undefined
    ? String(value)
    : `${String(value / size)} ${unit === 'bytes' ? suffix.toUpperCase() : suffix}`;
}

function readNumber(field: FormField, typed: string, t: Translate): Reading {
  const [, digits, suffix = ''] = NUMBER.exec(typed) ?? [];
  const factor = suffix === '' ? 1 : SUFFIXES[field.unit ?? '']?.[suffix.toLowerCase()];
  if (digits === undefined || factor === undefined) {
    return { wrong: field.kind === 'integer' ? t('A whole number.') : t('A number.') };
  }
  const value = Number(digits.replaceAll('_', '')) * factor;
  if (field.kind === 'integer' && !Number.isInteger(value)) {
    return { wrong: t('A whole number.') };
  }
  const { minimum = -Infinity, maximum = Infinity, above = false } = field;
  if (value < minimum || value > maximum || (above && value === minimum)) {
    return { wrong: rangeText(field, t) };
  }
  return { value };
}

function rangeText({ minimum = 0, maximum, above = false }: FormField, t: Translate): string {
  if (maximum === undefined) {
    return above ? t('More than %1.', minimum) : t('At least %1.', minimum);
  }
  return above
    ? t('More than %1, at most %2.', minimum, maximum)
    : t('From %1 to %2.', minimum, maximum);
}

/** Names and addresses have no space, so that commas do; words of a command line are quoted. */
function separated(field: FormField): boolean {
  return field.pattern !== undefined || field.name === 'distributed.hosts';
}

function readWords(field: FormField, typed: string, t: Translate): Reading {
  const words = separated(field) ? typed.split(/[\s,]+/).filter(Boolean) : splitWords(typed);
  if (words === null) {
    return { wrong: t('A quote is not closed.') };
  }
  for (const word of words) {
    const read = matching(field, word, t);
    if (read.wrong !== undefined) {
      return read;
    }
  }
  return { value: words };
}

function matching({ name, pattern }: FormField, text: string, t: Translate): Reading {
  if (pattern === undefined || new RegExp(pattern).test(text)) {
    return { value: text };
  }
  switch (name) {
    case 'name':
    case 'aliases':
      return { wrong: t('Letters, digits, dots, dashes and underscores, no space; at most 64.') };
    case 'base_url':
      return { wrong: t('An address such as http://studio.local:8888/v1.') };
    case 'ready_path':
      return { wrong: t('A path that begins with /.') };
    default:
      return { wrong: t('The name of an environment variable.') };
  }
}

function readPairs(typed: string, t: Translate): Reading {
  const lines = typed.split('\n').filter((line) => line.trim() !== '');
  const pairs = lines.map((line) => /^\s*([^=\s]+)\s*=(.*)$/.exec(line));
  const wrong = pairs.findIndex((pair) => pair === null);
  if (wrong >= 0) {
    return { wrong: t('NAME=value, one a line; “%1” is not.', lines[wrong]?.trim() ?? '') };
  }
  return { value: Object.fromEntries(pairs.map((pair) => [pair?.[1], pair?.[2]?.trim()])) };
}

function readJson(typed: string, t: Translate): Reading {
  try {
    const value: unknown = JSON.parse(typed);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      return { value };
    }
  } catch {
    // Said below.
  }
  return { wrong: t('A JSON object, such as {"enable_thinking": false}.') };
}
