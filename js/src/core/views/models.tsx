import { useCallback, useRef } from 'preact/hooks';

import { Note } from '../components/notes';
import { Section } from '../components/section';
import { useNow, useStore } from '../hooks';
import { useHost } from '../host';
import { useRowNotes } from '../row_notes';
import type { ModelSource } from '../schema';
import type { State, Store } from '../store';
import { useModelSearch } from '../use_model_search';
import { Skeleton } from './model_row';
import { ModelsControls, type Choose } from './models_controls';
import { ListFailed, NothingFound } from './models_empty';
import { hasOpenDownloads, ModelsList } from './models_list';
import { ModelsCount, ModelsNotes } from './models_notes';

const SKELETON_ROWS = [1, 2, 3, 4];

interface ModelsProps {
  readonly state: State;
  readonly store: Store;
  /** Where it looks at first. */
  readonly source?: ModelSource;
}

/** The *Models* section: search, what was found, and downloads in the place of their model. */
export function ModelsView({ state, store, source = 'local' }: ModelsProps) {
  const { t, format } = useHost();
  const search = useModelSearch(store, state, source);
  const found = useStore(search);
  const notes = useRowNotes(store);
  const enter = useRef<() => void>(() => undefined);
  const now = useNow(state.downloads.some((download) => download.retry_at !== null));
  const choose: Choose = useCallback(
    (change, immediately) => {
      search.choose(change, immediately);
    },
    [search],
  );
  const { models: here, size_bytes: bytes } = state.library;
  const aside = here > 0 ? t('%1 here · %2', format.number(here), format.bytes(bytes)) : null;
  if (state.connection.status === 'saved') {
    return (
      <Section title={t('Models')} aside={aside}>
        <Note title={t('Run the cell again to see the models.')} />
      </Section>
    );
  }
  const { rows, problem } = found;
  const shared = { state, store, search, found, notes, now, choose, enter };
  return (
    <Section title={t('Models')} aside={aside} kind="models">
      <ModelsControls
        found={found}
        choose={choose}
        onLeave={() => {
          enter.current();
        }}
      >
        <ModelsCount {...shared} />
      </ModelsControls>
      <ModelsNotes {...shared} />
      {((rows?.length ?? 0) > 0 || hasOpenDownloads(state)) && <ModelsList {...shared} />}
      {rows === null && problem && (
        <ListFailed
          problem={problem}
          onRetry={() => {
            search.retry();
          }}
        />
      )}
      {rows === null && !problem && (
        <ul class="mlxm-rows" role="presentation" aria-hidden="true">
          {SKELETON_ROWS.map((row) => (
            <Skeleton key={row} />
          ))}
        </ul>
      )}
      {rows?.length === 0 && <NothingFound found={found} here={here} choose={choose} />}
    </Section>
  );
}
