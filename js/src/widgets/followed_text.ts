/**
 * A text that grows by numbered pieces, some of which may be lost.
 *
 * Offsets count Unicode code points, as Python's `len` does; JavaScript's `length` counts an emoji
 * twice.
 */
export class FollowedText {
  private points = 0;

  /** The new end of the text; empty for a piece that is old, or that leaves a gap. */
  piece(offset: number, delta: string): string {
    if (offset > this.points) {
      return '';
    }
    const fresh = Array.from(delta).slice(this.points - offset);
    this.points += fresh.length;
    return fresh.join('');
  }

  /** The new end, now that the whole text is known; nothing is ever taken back. */
  whole(text: string): string {
    return this.piece(0, text);
  }
}
