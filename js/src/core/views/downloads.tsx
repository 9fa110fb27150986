import { useRef } from 'preact/hooks';

import { Note } from '../components/notes';
import { Section } from '../components/section';
import { shortModel } from '../format';
import { useKeptFocus, useNow } from '../hooks';
import { useHost } from '../host';
import { useRowNotes } from '../row_notes';
import type { State, Store } from '../store';
import { downloadTotals, downloadWord } from './download_figures';
import { DownloadBody } from './download_row';
import { RowNoteView } from './row_note';

/** The *Downloads* section: every job, the latest first, ended ones until they are dismissed. */
export function DownloadsView({ state, store }: { readonly state: State; readonly store: Store }) {
  const { t } = useHost();
  const section = useRef<HTMLElement>(null);
  useKeptFocus(section);
  const notes = useRowNotes(store);
  const now = useNow(state.downloads.some((download) => download.retry_at !== null));
  const active = downloadTotals(state.downloads)?.count ?? 0;
  return (
    <Section title={t('Downloads')} aside={active || null} element={section}>
      {state.downloads.length === 0 ? (
        <Note title={t('No downloads')} />
      ) : (
        <ul class="mlxm-rows" role="list">
          {state.downloads.toReversed().map((download) => (
            <li
              key={download.id}
              class="mlxm-row mlxm-model"
              role="listitem"
              tabIndex={-1}
              data-name={download.model}
              data-download={download.state}
              aria-label={`${shortModel(download.model)}, ${downloadWord(download, t)}`}
            >
              <span class="mlxm-name" title={download.model}>
                {shortModel(download.model)}
              </span>
              <DownloadBody
                download={download}
                now={now}
                notes={notes}
                noteKey={download.id}
                offered={state.connection.status !== 'saved'}
              />
              <RowNoteView notes={notes} of={download.id} />
            </li>
          ))}
        </ul>
      )}
    </Section>
  );
}
