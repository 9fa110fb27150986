import { describe, expect, it } from 'vitest';

import { joinWords, splitWords } from './words';

describe('a line of words', () => {
  it.each([
    ['--flag value', ['--flag', 'value']],
    ["  --flag   'a value'  ", ['--flag', 'a value']],
    [`--json '{"a": 1}'`, ['--json', '{"a": 1}']],
    [`it"'"s`, ["it's"]],
    [`--empty ''`, ['--empty', '']],
    ['', []],
  ])('%s', (line, words) => {
    expect(splitWords(line)).toEqual(words);
  });

  it('is none while a quote is open', () => {
    expect(splitWords("--flag 'a val")).toBeNull();
  });

  it.each([[['a', 'b c', '']], [["it's", '"so"', `both ' and "`]], [["''"]]])(
    'reads back what was written: %j',
    (words) => {
      expect(splitWords(joinWords(words))).toEqual(words);
    },
  );
});
