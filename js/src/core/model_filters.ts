import type { Capability, ModelQuery, ModelSort, ModelSource } from './schema';

/** Rows that are asked for at once. */
export const PAGE_ROWS = 100;

/** What a person chose: where to look, for what, and what to leave out. */
export type Filters = Omit<ModelQuery, 'offset' | 'limit' | 'details' | 'downloaded'>;

export const NO_FILTERS: Filters = {
  source: 'local',
  q: '',
  author: null,
  bits: [],
  family: null,
  vision: false,
  tools: false,
  reasoning: false,
  embeddings: false,
  audio: false,
  fits: false,
  sort: 'relevance',
};

export const CAPABILITIES: readonly Capability[] = [
  'vision',
  'tools',
  'reasoning',
  'embeddings',
  'audio',
];

/** In the order of the menu. */
export const SORTS: Readonly<Record<ModelSource, readonly ModelSort[]>> = {
  local: ['relevance', 'used', 'size', 'name'],
  hub: ['relevance', 'downloads', 'likes', 'updated', 'size', 'name'],
};

/** The query for a page of what was chosen. */
export function queryOf(filters: Filters, offset = 0, limit = PAGE_ROWS): ModelQuery {
  const q = filters.q.trim();
  // Nothing is more relevant than what one works with, where no words say otherwise.
  const best = q === '' && filters.source === 'local' && filters.sort === 'relevance';
  const sort = best ? 'used' : filters.sort;
  return { ...filters, q, sort, downloaded: false, details: false, offset, limit };
}

/** One filter that is on: what it is called, and the same choice without it. */
export interface ActiveFilter {
  readonly name: FilterName;
  /** Of a filter with a value: `Qwen`. */
  readonly value: string | null;
  readonly without: Filters;
}

export type FilterName = Capability | 'fits' | 'bits' | 'family' | 'author';

/** Filters that are on; neither the words nor where to look is one. */
export function activeFilters(filters: Filters): readonly ActiveFilter[] {
  const active: ActiveFilter[] = [];
  const add = (on: boolean, name: FilterName, value: string | null, off: Partial<Filters>) => {
    if (on) {
      active.push({ name, value, without: { ...filters, ...off } });
    }
  };
  add(filters.fits, 'fits', null, { fits: false });
  add(filters.bits.length > 0, 'bits', filters.bits.join(', '), { bits: [] });
  for (const name of CAPABILITIES) {
    add(filters[name], name, null, { [name]: false });
  }
  add(filters.family !== null, 'family', filters.family, { family: null });
  add(filters.author !== null, 'author', filters.author, { author: null });
  return active;
}

/** The words, where to look and the order stay. */
export function cleared({ source, q, sort }: Filters): Filters {
  return { ...NO_FILTERS, source, q, sort };
}
