import { RowHeights } from './row_heights';

/**
 * Rows are drawn so many pixels beyond both edges, that scrolling meets no empty space. The span
 * between the two saves drawing at every row, and at a pixel more or less that a row turns out to
 * have.
 */
const LEAST_PX = 150;
const MOST_PX = 450;
/** Rows that a change may put before the one that is read, without it being lost. */
const MOVED_ROWS = 8;

/** Which rows of a long list can be seen, and what is read stays where it is. */
export class ListWindow {
  readonly rows: RowHeights;
  /** First and last row to draw. */
  drawn: readonly [number, number] = [0, 0];
  scroller: HTMLElement | null = null;
  list: HTMLElement | null = null;
  onShow: (first: number, last: number) => void = () => undefined;
  private keys: ((index: number) => string) | null = null;
  /** Pixels that what is read was moved by, not yet made good. */
  private shift = 0;

  constructor(
    estimate: number,
    /** Called when other rows are to be drawn, or the same elsewhere. */
    private readonly changed: () => void,
  ) {
    this.rows = new RowHeights(estimate);
  }

  /** Says what is listed; before it is drawn. */
  use(count: number, keys: (index: number) => string): void {
    if (keys !== this.keys || count !== this.rows.count) {
      this.keys = keys;
      this.relist(count, keys);
    }
  }

  /** Measures what was drawn; after it was drawn. */
  settle(): void {
    const { scroller, list, rows, keys } = this;
    if (!scroller || !list || !keys) {
      return;
    }
    if (this.shift !== 0) {
      scroller.scrollTop += this.shift;
      this.shift = 0;
    }
    let news = false;
    for (const row of list.children) {
      const index = Number((row as HTMLElement).dataset.index);
      news = rows.measure(keys(index), row.getBoundingClientRect().height) || news;
    }
    if (news) {
      this.relist(rows.count, keys);
      this.changed();
    }
    this.look();
  }

  /** Finds out what can be seen; after every scrolling. */
  look(): void {
    if (!this.scroller) {
      return;
    }
    const { scrollTop: top, clientHeight: height } = this.scroller;
    const between = (margin: number) =>
      [this.rows.indexAt(top - margin), this.rows.indexAt(top + height + margin)] as const;
    const [least, most] = [between(LEAST_PX), between(MOST_PX)];
    const [first, last] = this.drawn;
    const enough = first <= least[0] && last >= least[1];
    const tooMany = first < most[0] || last > most[1];
    if (!enough || tooMany) {
      this.drawn = between((LEAST_PX + MOST_PX) / 2);
      this.changed();
    }
    this.onShow(this.rows.indexAt(top), this.rows.indexAt(top + height - 1));
  }

  /** Scrolls no further than it takes to see the whole row. */
  reveal(index: number): void {
    if (this.scroller) {
      const { scrollTop, clientHeight } = this.scroller;
      const bottom = this.rows.top(index + 1) - clientHeight;
      this.scroller.scrollTop = Math.min(this.rows.top(index), Math.max(bottom, scrollTop));
      this.look();
    }
  }

  /** Begins at the top. */
  rewind(): void {
    this.shift = 0;
    if (this.scroller) {
      this.scroller.scrollTop = 0;
    }
  }

  /** Rows that fit into the window. */
  get page(): number {
    const average = this.rows.total / Math.max(1, this.rows.count);
    return Math.max(1, Math.floor((this.scroller?.clientHeight ?? 0) / Math.max(1, average)));
  }

  private relist(count: number, keys: (index: number) => string): void {
    const { rows } = this;
    const top = (this.scroller?.scrollTop ?? 0) + this.shift;
    const index = rows.indexAt(top);
    const [key, before] = [rows.keyOf(index), rows.top(index)];
    rows.list(count, keys);
    if (top > 0) {
      this.shift += rows.top(this.found(key, index)) - before;
    }
  }

  /** Where the row is now; where it was if it is gone. */
  private found(key: string, index: number): number {
    for (let away = 0; away <= MOVED_ROWS; away += 1) {
      for (const candidate of [index + away, index - away]) {
        if (candidate >= 0 && candidate < this.rows.count && this.rows.keyOf(candidate) === key) {
          return candidate;
        }
      }
    }
    return index;
  }
}
