import { useRef, useState } from 'preact/hooks';

import { IconButton, TextButton } from '../components/button';
import { FileDrop } from '../components/file_drop';
import { Section } from '../components/section';
import { useKeptFocus, useNow } from '../hooks';
import { useHost, type ProfileSubject } from '../host';
import { useRowNotes } from '../row_notes';
import type { State, Store } from '../store';
import { ProfileForm } from './profile_form';
import { useImport } from './profile_import';
import { ProfileRow } from './profile_row';
import { RowNoteView } from './row_note';

/** Whose note says how an import went. */
const IMPORT = ' import';

interface ProfilesProps {
  readonly state: State;
  readonly store: Store;
  /** What runs is shown beside it, with its failures. */
  readonly besideServers?: boolean;
}

/** The *Profiles* section: one row a profile; where the host has no place for a form, that too. */
export function ProfilesView(props: ProfilesProps) {
  const { state, store } = props;
  const host = useHost();
  const { t } = host;
  const section = useRef<HTMLElement>(null);
  useKeptFocus(section);
  const notes = useRowNotes(store);
  const now = useNow(state.servers.some((server) => server.retry_at !== null));
  const [subject, setSubject] = useState<ProfileSubject | null>(null);
  const { take, choose, view } = useImport(store, notes, IMPORT);
  const offered = state.connection.status !== 'saved';
  const open = (about: ProfileSubject) => {
    (host.openProfile ?? setSubject)(about);
  };
  const create = () => {
    open({ values: {} });
  };
  if (subject !== null) {
    const title = subject.name ?? t('New profile');
    const leave = () => {
      setSubject(null);
    };
    return (
      <Section title={t('Profiles')} aside={title} kind="form" element={section}>
        <ProfileForm {...props} subject={subject} onLeave={leave} />
      </Section>
    );
  }
  const buttons = (
    <>
      <IconButton icon="import" label={t('Import profiles from a file')} onPress={choose} />
      <IconButton icon="plus" label={t('New profile')} onPress={create} />
    </>
  );
  return (
    <Section title={t('Profiles')} aside={offered && buttons} kind="profiles" element={section}>
      <FileDrop label={t('Drop profiles here')} off={!offered} onFiles={take}>
        {view}
        <RowNoteView notes={notes} of={IMPORT} />
        {state.profiles.length === 0 ? (
          <div class="mlxm-note">
            <strong>{t('No profiles yet')}</strong>
            <p>
              {t(
                'A profile keeps how you run a model under a name of yours: its sampling, context, parsers, and whether it starts with Jupyter. The name is all you type from then on.',
              )}
            </p>
            {offered && (
              <TextButton
                text={t('New profile')}
                label={t('New profile')}
                look="primary"
                onPress={create}
              />
            )}
          </div>
        ) : (
          <ul class="mlxm-rows" role="list">
            {state.profiles.map((profile) => (
              <ProfileRow
                key={profile.name}
                {...props}
                profile={profile}
                now={now}
                notes={notes}
                offered={offered}
                open={open}
              />
            ))}
          </ul>
        )}
      </FileDrop>
    </Section>
  );
}
