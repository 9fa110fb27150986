import { DetailsAfter } from './details_after';
import {
  activeFilters,
  cleared,
  NO_FILTERS,
  PAGE_ROWS,
  queryOf,
  type Filters,
} from './model_filters';
import { lacksDetails, placed, type Rows } from './model_rows';
import { problemOf } from './problem';
import type { Model, Problem } from './schema';
import type { Store } from './store';

/** Typing on within so long is one search. */
const DEBOUNCE_MS = 80;

/** How many models one filter alone keeps away; of null, all of them together. */
export interface Hidden {
  readonly filter: ReturnType<typeof activeFilters>[number] | null;
  readonly models: number;
}

/** What a list of models shows. Replaced as a whole, never edited. */
export interface SearchState {
  /** As chosen; `rows` may still be those of an earlier choice. */
  readonly filters: Filters;
  /** What the rows are an answer to. */
  readonly answering: Filters;
  /** By position, undefined where a page has not come yet; null before the first answer. */
  readonly rows: Rows | null;
  /** Counts the searches that brought rows: another list than before begins at its top. */
  readonly answered: number;
  /** Other rows are on their way. */
  readonly searching: boolean;
  readonly problem: Problem | null;
  /** If nothing was found. */
  readonly hidden: readonly Hidden[];
}

/** One list of models: searched while typing, fetched in pages, completed row by row. */
export class ModelSearch {
  private state: SearchState;
  private readonly viewers = new Set<() => void>();
  private timer: ReturnType<typeof setTimeout> | undefined;
  /** Of the search whose rows are shown or awaited; its end calls back all it asked for. */
  private life = new AbortController();
  private readonly asking = new Map<number, AbortController>();
  /** Pages that need not be asked for again. */
  private readonly fresh = new Set<number>();
  private inView: readonly [number, number] = [0, 0];
  private readonly details: DetailsAfter;
  private readonly learned = new Map<string, Model>();

  /** `first`: what it looks for until somebody chooses. */
  constructor(
    private readonly store: Store,
    first: Partial<Filters> = {},
  ) {
    const filters = { ...NO_FILTERS, ...first };
    this.state = {
      filters,
      answering: filters,
      rows: null,
      answered: 0,
      searching: false,
      problem: null,
      hidden: [],
    };
    this.details = new DetailsAfter(
      (id, signal) => store.send({ command: 'model', id }, signal),
      this.learn,
    );
  }

  snapshot(): SearchState {
    return this.state;
  }

  /** Calls back after every change, until the returned function is called. */
  subscribe(changed: () => void): () => void {
    this.viewers.add(changed);
    return () => {
      this.viewers.delete(changed);
    };
  }

  /** Changes what is searched for; `now` does not wait for more typing. */
  choose(change: Partial<Filters>, now = false): void {
    this.put({ filters: { ...this.state.filters, ...change } });
    clearTimeout(this.timer);
    if (now) {
      void this.begin();
    } else {
      this.timer = setTimeout(() => void this.begin(), DEBOUNCE_MS);
    }
  }

  /** Asks again after a failure; before the first answer, for the first time. */
  retry(): void {
    if (this.state.rows === null) {
      this.choose({}, true);
    } else {
      this.put({ problem: null });
      this.show(...this.inView);
    }
  }

  /** Asks again for what is in view, and says nothing until it is here. */
  refresh(): void {
    if (this.state.rows === null || this.state.searching) {
      return;
    }
    this.fresh.clear();
    this.show(...this.inView);
  }

  /** These positions, the last included, are in view: fetches what is missing. */
  show(first: number, last: number): void {
    this.inView = [first, last];
    const { rows, searching } = this.state;
    if (rows === null || searching) {
      return;
    }
    const [from, to] = [pageOf(first), pageOf(Math.min(last, Math.max(0, rows.length - 1)))];
    for (const [page, question] of this.asking) {
      if (page < from || page > to) {
        question.abort();
        this.asking.delete(page);
      }
    }
    for (let page = from; page <= to; page += 1) {
      if (!this.fresh.has(page) && !this.asking.has(page)) {
        void this.fetch(page);
      }
    }
    this.watchDetails();
  }

  /** Takes in what was asked for about one model. */
  readonly learn = (model: Model): void => {
    this.learned.set(model.id, model);
    const { rows } = this.state;
    const position = rows?.findIndex((row) => row?.id === model.id) ?? -1;
    if (rows && position >= 0) {
      this.put({ rows: rows.with(position, model) });
    }
  };

  /** What `learn` was told. */
  known(id: string): Model | undefined {
    return this.learned.get(id);
  }

  /** Calls back everything. */
  end(): void {
    clearTimeout(this.timer);
    this.life.abort();
    this.forgetPages();
    this.details.watch(new Set());
  }

  private async begin(): Promise<void> {
    this.end();
    const { signal } = (this.life = new AbortController());
    const { filters } = this.state;
    this.put({ searching: true });
    try {
      const page = await this.ask(filters, 0, PAGE_ROWS, signal);
      if (signal.aborted) {
        return;
      }
      this.fresh.add(0);
      this.put({
        answering: filters,
        rows: placed([], 0, page, this.learned),
        answered: this.state.answered + 1,
        searching: false,
        problem: null,
        hidden: [],
      });
      this.show(0, 0);
      if (page.total === 0) {
        await this.findHidden(filters, signal);
      }
    } catch (thrown) {
      if (!signal.aborted) {
        this.put({ rows: null, searching: false, problem: problemOf(thrown), hidden: [] });
      }
    }
  }

  private async fetch(page: number): Promise<void> {
    const question = new AbortController();
    this.asking.set(page, question);
    const offset = page * PAGE_ROWS;
    const again = this.state.rows?.[offset] !== undefined;
    try {
      const found = await this.ask(this.state.answering, offset, PAGE_ROWS, question.signal);
      if (question.signal.aborted) {
        return;
      }
      this.fresh.add(page);
      this.put({ rows: placed(this.state.rows ?? [], offset, found, this.learned), problem: null });
    } catch (thrown) {
      // What is shown stays true enough where it was only asked for again.
      if (!question.signal.aborted && !again) {
        this.put({ problem: problemOf(thrown) });
      }
    }
    if (!question.signal.aborted) {
      this.asking.delete(page);
      this.watchDetails();
    }
  }

  private ask(filters: Filters, offset: number, limit: number, signal: AbortSignal) {
    return this.store.send({ command: 'models', query: queryOf(filters, offset, limit) }, signal);
  }

  /** Which filter is to blame for an empty list, and how much each hides. */
  private async findHidden(filters: Filters, signal: AbortSignal): Promise<void> {
    const active = activeFilters(filters);
    const choices = [
      ...active.map((filter) => ({ filter, without: filter.without })),
      ...(active.length > 1 ? [{ filter: null, without: cleared(filters) }] : []),
    ];
    const hidden = await Promise.all(
      choices.map(async ({ filter, without }) => {
        // Who can't tell hides nothing: the list itself was answered.
        const { total } = await this.ask(without, 0, 1, signal).catch(() => ({ total: 0 }));
        return { filter, models: total };
      }),
    );
    if (!signal.aborted) {
      this.put({ hidden: hidden.filter(({ models }) => models > 0) });
    }
  }

  private watchDetails(): void {
    const [first, last] = this.inView;
    const seen = this.state.rows?.slice(first, last + 1) ?? [];
    const { offline } = this.store.snapshot().catalogue;
    this.details.watch(
      new Set(
        offline ? [] : seen.filter((row) => row && lacksDetails(row)).map((row) => row?.id ?? ''),
      ),
    );
  }

  private forgetPages(): void {
    for (const question of this.asking.values()) {
      question.abort();
    }
    this.asking.clear();
    this.fresh.clear();
  }

  private put(change: Partial<SearchState>): void {
    this.state = { ...this.state, ...change };
    for (const changed of [...this.viewers]) {
      changed();
    }
  }
}

function pageOf(position: number): number {
  return Math.floor(position / PAGE_ROWS);
}
