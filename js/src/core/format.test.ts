import { describe, expect, it } from 'vitest';

import { createFormat, secondsSince, shortModel } from './format';

const english = createFormat('en');
const plain = (text: string) => text.replaceAll('\u00a0', ' ');

describe('bytes', () => {
  it.each([
    [0, '0 kB'],
    [650e3, '650 kB'],
    [400e6, '400 MB'],
    [999.4e6, '999 MB'],
    [999.6e6, '1.0 GB'],
    [9.2e9, '9.2 GB'],
    [16e9, '16.0 GB'],
    [512.3e9, '512 GB'],
  ])('%d are %s', (bytes, text) => {
    expect(plain(english.bytes(bytes))).toBe(text);
  });

  it('of a part are in the unit of the whole', () => {
    expect(english.amount(2.4e9, 3.9e9)).toBe('2.4');
    expect(english.amount(400e6, 3.9e9)).toBe('0.4');
    expect(english.amount(12e6, 24e6)).toBe('12');
  });

  it('of a machine have no empty digit', () => {
    expect(english.capacity(48 * 2 ** 30)).toBe('48');
    expect(english.capacity(48.5 * 2 ** 30)).toBe('48.5');
  });

  it('of memory are binary, as on the box', () => {
    expect(plain(english.memory(9.2 * 2 ** 30))).toBe('9.2 GB');
    expect(plain(english.memory(2 ** 29))).toBe('512 MB');
    expect(english.gigabytes(31.4 * 2 ** 30)).toBe('31.4');
  });
});

describe('rates and times', () => {
  it.each([
    [0, '0 tok/s'],
    [4.26, '4.3 tok/s'],
    [41.2, '41 tok/s'],
    [1234, '1,234 tok/s'],
  ])('%d tokens a second are %s', (rate, text) => {
    expect(plain(english.rate(rate))).toBe(text);
  });

  it.each([
    [0.214, '0.21 s'],
    [12.4, '12 s'],
  ])('%d seconds took %s', (seconds, text) => {
    expect(plain(english.seconds(seconds))).toBe(text);
  });

  it.each([
    [-3, '0 s'],
    [59.9, '59 s'],
    [300, '5 m'],
    [4320, '1 h 12 m'],
    [3 * 86400 + 4 * 3600, '3 d 4 h'],
  ])('%d seconds have lasted %s', (seconds, text) => {
    expect(plain(english.duration(seconds))).toBe(text);
  });

  it('never lie in the future, though clocks differ', () => {
    const now = Date.parse('2026-01-01T00:00:10Z');
    expect(secondsSince('2026-01-01T00:00:00Z', now)).toBe(10);
    expect(secondsSince('2026-01-01T00:01:00Z', now)).toBe(0);
  });
});

it("follows the user's own number format", () => {
  const german = createFormat('de');
  expect(plain(german.bytes(9.2e9))).toBe('9,2 GB');
  expect(plain(german.rate(1234))).toBe('1.234 tok/s');
});

it.each([
  ['mlx-community/Qwen3-8B-4bit', 'Qwen3-8B-4bit'],
  ['/models/my model/', 'my model'],
  ['C:\\models\\mine', 'mine'],
  ['plain', 'plain'],
])('shows %s as %s', (model, name) => {
  expect(shortModel(model)).toBe(name);
});
