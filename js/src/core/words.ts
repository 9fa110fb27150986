/**
 * The words of a line as a shell would read them: spaces part them, quotes hold them together.
 * Null when a quote is never closed.
 */
export function splitWords(line: string): readonly string[] | null {
  const words: string[] = [];
  let word: string | null = null;
  let quote: string | null = null;
  for (const letter of line) {
    if (quote !== null) {
      if (letter === quote) {
        quote = null;
      } else {
        word = (word ?? '') + letter;
      }
    } else if (letter === '"' || letter === "'") {
      quote = letter;
      word ??= '';
    } else if (/\s/.test(letter)) {
      if (word !== null) {
        words.push(word);
      }
      word = null;
    } else {
      word = (word ?? '') + letter;
    }
  }
  if (word !== null) {
    words.push(word);
  }
  return quote === null ? words : null;
}

/** A line that `splitWords` reads back as these words. */
export function joinWords(words: readonly string[]): string {
  return words.map(quoted).join(' ');
}

function quoted(word: string): string {
  if (word !== '' && !/[\s'"]/.test(word)) {
    return word;
  }
  // Between single quotes only they themselves mean anything: those go between double ones.
  return (
    word
      .split(/('+)/)
      .filter((piece) => piece !== '')
      .map((piece) => (piece.startsWith("'") ? `"${piece}"` : `'${piece}'`))
      .join('') || "''"
  );
}
