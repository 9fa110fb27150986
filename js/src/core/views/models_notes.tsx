import { useEffect, useState } from 'preact/hooks';

import { IconButton, TextButton } from '../components/button';
import { Confirm } from '../components/confirm';
import { secondsSince } from '../format';
import { useHost } from '../host';
import type { SearchState } from '../models_query';
import type { RowNotes } from '../row_notes';
import type { State } from '../store';
import { isOpen } from './download_figures';
import { RowNoteView } from './row_note';

/** The last count waits for so long before it is said: nobody wants to hear each letter's. */
const CALM_MS = 600;
/** Notes of the list as a whole. */
const LIST = 'the list';

interface NotesProps {
  readonly state: State;
  readonly found: SearchState;
  readonly notes: RowNotes;
}

/** Between the filters and the rows: what the list is made from, and what could not be done. */
export function ModelsNotes(props: NotesProps) {
  const { found, notes } = props;
  return (
    <>
      {found.filters.source === 'hub' ? <CatalogueNote {...props} /> : <Unfinished {...props} />}
      <RowNoteView notes={notes} of={LIST} />
      <Count found={found} />
    </>
  );
}

/** `412 models`, and from when. */
export function ModelsCount({ state, found, notes }: NotesProps) {
  const host = useHost();
  const { t, format } = host;
  const { filters, rows } = found;
  const { synced_at: synced, offline, state: reading } = state.catalogue;
  return (
    <span class="mlxm-count">
      {rows !== null && countText(rows.length, host)}
      {filters.source === 'hub' && !offline && reading !== 'syncing' && (
        <IconButton
          icon="restart"
          label={
            synced === null
              ? t('Read the catalogue')
              : t(
                  'Read the catalogue again; it was read %1',
                  format.ago(secondsSince(synced, Date.now())),
                )
          }
          onPress={() => notes.run(LIST, { command: 'sync' })}
        />
      )}
    </span>
  );
}

/** What the list of the Hub is worth right now. */
function CatalogueNote({ state, notes }: NotesProps) {
  const { t, format } = useHost();
  const { state: reading, models, synced_at: synced, offline, error } = state.catalogue;
  const age = synced === null ? '' : format.ago(secondsSince(synced, Date.now()));
  if (offline) {
    return (
      <div class="mlxm-banner" role="status">
        <span>
          {synced === null
            ? t('Offline by your settings: the Hub is not asked.')
            : t('Offline by your settings: this is the catalogue as it was %1.', age)}
        </span>
      </div>
    );
  }
  if (reading === 'syncing') {
    return (
      <div class="mlxm-banner" role="status">
        <span class="mlxm-spinner" />
        <span>
          {models > 0
            ? t('Reading the catalogue: %1 models…', format.number(models))
            : t('Reading the catalogue…')}
        </span>
      </div>
    );
  }
  // Without a catalogue the list itself fails, and says why.
  return error && reading === 'ready' ? (
    <div class="mlxm-banner" role="status">
      <span>{t('The catalogue is as it was %1: %2', age, error.message)}</span>
      <TextButton
        text={t('Try again')}
        label={t('Try again to read the catalogue')}
        onPress={() => notes.run(LIST, { command: 'sync' })}
      />
    </div>
  ) : null;
}

/** What downloads left that nobody goes on with. */
function Unfinished({ state, notes }: NotesProps) {
  const { t, format } = useHost();
  const [asking, setAsking] = useState(false);
  const { partial_bytes: bytes } = state.library;
  if (bytes === 0 || state.downloads.some(isOpen)) {
    return null;
  }
  if (asking) {
    return (
      <div class="mlxm-banner">
        <Confirm
          question={t('Remove %1 of unfinished files?', format.bytes(bytes))}
          action={t('Remove')}
          onConfirm={async () => {
            await notes.run(
              LIST,
              { command: 'prune' },
              { said: ({ freed_bytes: freed }) => t('%1 are free again.', format.bytes(freed)) },
            );
            setAsking(false);
          }}
          onCancel={() => {
            setAsking(false);
          }}
        />
      </div>
    );
  }
  return (
    <div class="mlxm-banner">
      <span>{t('%1 of unfinished files', format.bytes(bytes))}</span>
      <TextButton
        text={t('Clean up')}
        label={t('Clean up unfinished files')}
        onPress={() => {
          setAsking(true);
        }}
      />
    </div>
  );
}

/** Tells a screen reader how many there are, once the typing rests. */
function Count({ found }: { readonly found: SearchState }) {
  const host = useHost();
  const [text, setText] = useState('');
  const count = found.searching ? null : (found.rows?.length ?? null);
  useEffect(() => {
    if (count === null) {
      return undefined;
    }
    const timer = setTimeout(() => {
      setText(countText(count, host));
    }, CALM_MS);
    return () => {
      clearTimeout(timer);
    };
  }, [count, found.answered, host]);
  return (
    <div class="mlxm-hidden" role="status" aria-live="polite">
      {text}
    </div>
  );
}

function countText(count: number, { t, format }: ReturnType<typeof useHost>): string {
  return count === 1 ? t('1 model') : t('%1 models', format.number(count));
}
