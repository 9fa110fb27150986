import { useEffect, useState } from 'preact/hooks';

import { NO_FILTERS, queryOf } from '../model_filters';
import type { Store } from '../store';

/** Ids of the models on this machine, to choose from; none when they can't be had. */
export function useLocalModels(store: Store): readonly string[] {
  const [ids, setIds] = useState<readonly string[]>([]);
  useEffect(() => {
    const life = new AbortController();
    store.send({ command: 'models', query: queryOf(NO_FILTERS) }, life.signal).then(
      ({ models }) => {
        setIds(models.filter(({ complete }) => complete).map(({ id }) => id));
      },
      () => undefined,
    );
    return () => {
      life.abort();
    };
  }, [store]);
  return ids;
}
