import { useEffect, useRef, useState } from 'preact/hooks';

import { ModelSearch } from './models_query';
import type { ModelSource } from './schema';
import type { State, Store } from './store';

/** Free memory must change by so much before the rows are asked again whether they fit. */
const MEMORY_STEP = 0.5 * 2 ** 30;

/** A list of models that follows what happens elsewhere: downloads, memory, the catalogue. */
export function useModelSearch(store: Store, state: State, source: ModelSource): ModelSearch {
  const [search] = useState(() => new ModelSearch(store, { source }));
  useEffect(
    () => () => {
      search.end();
    },
    [search],
  );
  const live = state.connection.status === 'live';
  const { library, catalogue, metrics } = state;
  useEffect(() => {
    if (!live) {
      return;
    }
    const { rows, searching } = search.snapshot();
    if (rows !== null) {
      search.refresh();
    } else if (!searching) {
      search.retry();
    }
  }, [search, live, library.version, catalogue.synced_at]);

  const available = metrics?.memory.available_bytes;
  const asked = useRef(available);
  useEffect(() => {
    if (available === undefined) {
      return;
    }
    asked.current ??= available;
    if (live && Math.abs(available - asked.current) > MEMORY_STEP) {
      asked.current = available;
      search.refresh();
    }
  }, [search, live, available]);
  return search;
}
