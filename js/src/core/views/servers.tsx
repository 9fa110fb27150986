import { useRef } from 'preact/hooks';

import { Note, Snippet } from '../components/notes';
import { Section } from '../components/section';
import { useKeptFocus, useNow } from '../hooks';
import { useHost } from '../host';
import { useRowNotes } from '../row_notes';
import type { Command, State, Store } from '../store';
import { isRunning } from './figures';
import { ServerRow } from './server_row';

/** What to type to get the first server. */
export const FIRST_STEP = '%mlx_serve MODEL';

/** The *Running* section: one row a server. */
export function ServersView(props: {
  readonly state: State;
  readonly store: Store;
  readonly act: (command: Command) => Promise<void>;
}) {
  const { state } = props;
  const { t } = useHost();
  const section = useRef<HTMLElement>(null);
  useKeptFocus(section);
  const notes = useRowNotes(props.store);
  const still = state.connection.status === 'saved';
  const now = useNow(state.servers.length > 0 && !still);
  const running = state.servers.filter(isRunning).length;
  return (
    <Section title={t('Running')} aside={running || null} kind="servers" element={section}>
      {state.servers.length === 0 ? (
        <Note title={t('No model is running')}>
          <p>{t('Start one from a notebook:')}</p>
          <Snippet code={FIRST_STEP} />
        </Note>
      ) : (
        <ul class="mlxm-rows" role="list">
          {state.servers.map((server) => (
            <ServerRow key={server.name} {...props} server={server} now={now} notes={notes} />
          ))}
        </ul>
      )}
    </Section>
  );
}
