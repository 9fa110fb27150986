/** Rows to know the mean from. */
const ENOUGH = 5;

/**
 * Where rows of different heights stand, of which only those are measured that were drawn: the
 * others count with the mean of the first ones. That mean stays, or the whole list would move under
 * a scroll bar that somebody drags. At another width a row counts as it was until it is drawn
 * again; to forget them all would make the list shorter, its scroll bar vanish and the width change
 * again, without end.
 */
export class RowHeights {
  private readonly measured = new Map<string, number>();
  private keys: (index: number) => string = String;
  private tops = new Float64Array(1);

  private meant = false;

  constructor(private estimate: number) {}

  get count(): number {
    return this.tops.length - 1;
  }

  get total(): number {
    return this.top(this.count);
  }

  keyOf(index: number): string {
    return this.keys(index);
  }

  /** Pixels from the first row's upper edge to that of row `index`. */
  top(index: number): number {
    return this.tops[Math.max(0, Math.min(index, this.count))] ?? 0;
  }

  /** The row at `y` pixels. */
  indexAt(y: number): number {
    let [low, high] = [0, Math.max(0, this.count - 1)];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.top(middle) <= y) {
        low = middle;
      } else {
        high = middle - 1;
      }
    }
    return low;
  }

  /** Lists other rows; those that were measured keep their height. */
  list(count: number, keys: (index: number) => string): void {
    this.keys = keys;
    if (!this.meant && this.measured.size >= ENOUGH) {
      this.meant = true;
      this.estimate =
        [...this.measured.values()].reduce((sum, height) => sum + height) / this.measured.size;
    }
    const tops = new Float64Array(count + 1);
    for (let index = 0; index < count; index += 1) {
      tops[index + 1] = (tops[index] ?? 0) + (this.measured.get(keys(index)) ?? this.estimate);
    }
    this.tops = tops;
  }

  /** True if that is news. */
  measure(key: string, height: number): boolean {
    const before = this.measured.get(key);
    if (before !== undefined && Math.abs(before - height) < 0.5) {
      return false;
    }
    this.measured.set(key, height);
    return true;
  }
}
