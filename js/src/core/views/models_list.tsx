import type { RefObject } from 'preact';
import { useCallback, useMemo, useState } from 'preact/hooks';

import { VirtualList, type RowAttributes } from '../components/virtual_list';
import { shortModel } from '../format';
import { useHost } from '../host';
import type { ModelSearch, SearchState } from '../models_query';
import type { RowNotes } from '../row_notes';
import type { Download } from '../schema';
import type { State, Store } from '../store';
import { isMoving, isOpen } from './download_figures';
import { DownloadBody } from './download_row';
import { ModelRow, Skeleton, type RowContext } from './model_row';
import type { Choose } from './models_controls';
import { ListFailed } from './models_empty';
import { RowNoteView } from './row_note';

/** A row of three lines. */
const ROW_PX = 72;

interface ListProps {
  readonly state: State;
  readonly store: Store;
  readonly search: ModelSearch;
  readonly found: SearchState;
  readonly notes: RowNotes;
  readonly now: number;
  readonly choose: Choose;
  readonly enter: RefObject<() => void>;
}

/** Downloads of models that are not listed, then what was found. */
export function ModelsList(props: ListProps) {
  const { state, search, found } = props;
  const { t } = useHost();
  const rows = found.rows ?? NONE;
  const { inPlace, extras } = usePlaces(rows, state.downloads);
  const context = useRowContext(props);

  const extraIds = extras.map(({ id }) => id).join(' ');
  const above = extras.length;
  const keyOf = useMemo(() => {
    const ids = extraIds === '' ? [] : extraIds.split(' ');
    return (index: number) => {
      const extra = ids[index];
      const row = rows[index - ids.length];
      return extra === undefined ? (row?.id ?? `row ${String(index)}`) : `download ${extra}`;
    };
  }, [rows, extraIds]);
  const onShow = useCallback(
    (first: number, last: number) => {
      search.show(Math.max(0, first - above), Math.max(0, last - above));
    },
    [search, above],
  );
  const draw = (index: number, attributes: RowAttributes) => {
    const extra = extras[index];
    if (extra) {
      return <DownloadRow {...context} download={extra} attributes={attributes} />;
    }
    const model = rows[index - above];
    return model ? (
      <ModelRow
        {...context}
        model={model}
        download={inPlace.get(model.id)}
        attributes={attributes}
      />
    ) : (
      <Skeleton attributes={attributes} />
    );
  };
  return (
    <>
      {found.problem && found.rows !== null && (
        <ListFailed
          problem={found.problem}
          onRetry={() => {
            search.retry();
          }}
        />
      )}
      <VirtualList
        label={t('Models')}
        count={above + rows.length}
        keyOf={keyOf}
        row={draw}
        estimate={ROW_PX}
        name={found.answered}
        busy={found.searching}
        enter={props.enter}
        onShow={onShow}
      />
    </>
  );
}

const NONE: SearchState['rows'] & object = [];

/** Which downloads stand in the row of their model, and which need one of their own. */
function usePlaces(rows: SearchState['rows'] & object, downloads: readonly Download[]) {
  const listed = useMemo(() => new Set(rows.map((row) => row?.id)), [rows]);
  return useMemo(() => {
    const inPlace = new Map<string, Download>();
    const open = downloads.filter(isOpen);
    for (const one of [...open.filter(isMoving), ...open]) {
      if (listed.has(one.model) && !inPlace.has(one.model)) {
        inPlace.set(one.model, one);
      }
    }
    return { inPlace, extras: open.filter((one) => inPlace.get(one.model) !== one) };
  }, [listed, downloads]);
}

/** Whether there is anything to list but models. */
export function hasOpenDownloads(state: State): boolean {
  return state.downloads.some(isOpen);
}

function useRowContext(props: ListProps): RowContext {
  const { state, store, search, notes, now, choose } = props;
  const [unfolded, setUnfolded] = useState<ReadonlySet<string>>(new Set());
  const [deleting, setDeleting] = useState<string | null>(null);
  return {
    state,
    store,
    now,
    notes,
    unfolded,
    unfold: (id, on) => {
      const next = new Set(unfolded);
      next[on ? 'add' : 'delete'](id);
      setUnfolded(next);
    },
    deleting,
    askToDelete: setDeleting,
    source: props.found.answering.source,
    learn: search.learn,
    search: (q) => {
      choose({ source: 'hub', q, sort: 'relevance' }, true);
    },
  };
}

/** A download whose model is not among the rows. */
function DownloadRow(
  props: RowContext & { readonly download: Download; readonly attributes: RowAttributes },
) {
  const { download, attributes } = props;
  return (
    <li
      {...attributes}
      class="mlxm-row mlxm-model"
      data-name={download.model}
      data-download={download.state}
      aria-label={shortModel(download.model)}
    >
      <span class="mlxm-name" title={download.model}>
        {shortModel(download.model)}
      </span>
      <DownloadBody
        download={download}
        now={props.now}
        notes={props.notes}
        noteKey={download.id}
        offered
      />
      <RowNoteView notes={props.notes} of={download.id} />
    </li>
  );
}
