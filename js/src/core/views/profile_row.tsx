import { useState } from 'preact/hooks';

import { Badge } from '../components/badge';
import { IconButton, TextButton } from '../components/button';
import { Dot, stateWord } from '../components/dot';
import { shortModel } from '../format';
import { useHost, type ProfileSubject } from '../host';
import type { RowNotes } from '../row_notes';
import type { Profile, Server } from '../schema';
import type { State, Store } from '../store';
import { isRunning } from './figures';
import { ProfileMore } from './profile_actions';
import { RowNoteView } from './row_note';
import { NextSteps, retryText } from './server_steps';

export interface ProfileRowProps {
  readonly profile: Profile;
  readonly state: State;
  readonly store: Store;
  readonly now: number;
  readonly notes: RowNotes;
  /** Commands can be carried out. */
  readonly offered: boolean;
  readonly besideServers?: boolean;
  /** Opens a form. */
  readonly open: (subject: ProfileSubject) => void;
}

/** One profile: what it runs, whether it does, and the button to start or stop it. */
export function ProfileRow(props: ProfileRowProps) {
  const { profile, state, notes } = props;
  const host = useHost();
  const { t } = host;
  const [unfolded, setUnfolded] = useState(false);
  const server = serverOf(profile, state.servers);
  const word = server ? stateWord(server.state, t) : null;
  const meta = [
    shortModel(profile.model || (profile.base_url ?? profile.command[0] ?? '')),
    profile.engine !== 'auto' && profile.engine,
  ];
  return (
    <li
      class="mlxm-row mlxm-profile"
      role="listitem"
      tabIndex={-1}
      data-name={profile.name}
      data-state={server?.state}
      aria-label={[profile.name, word].filter(Boolean).join(', ')}
    >
      <span class="mlxm-name" title={profile.description || profile.name}>
        {profile.name}
      </span>
      <span class="mlxm-aside">
        {server && word !== null && (
          <span class="mlxm-serving">
            <Dot state={server.state} /> {word}
          </span>
        )}
        {props.offered && <StartStop {...props} server={server} />}
        {props.offered && (
          <IconButton
            icon="more"
            label={t('More about %1', profile.name)}
            expanded={unfolded}
            onPress={() => {
              setUnfolded(!unfolded);
            }}
          />
        )}
      </span>
      <span class="mlxm-meta" title={profile.model}>
        {meta.filter(Boolean).join(' · ')}
        {profile.auto_start && (
          <>
            {' · '}
            <span class="mlxm-unbroken">{t('starts with Jupyter')} ●</span>
          </>
        )}
        {profile.pinned && ` · ${t('pinned')}`}
      </span>
      {server?.restart_to_apply === true && (
        <span class="mlxm-badges">
          <Badge text={t('restart to apply')} tone="warn" />
        </span>
      )}
      {server?.state === 'failed' && props.besideServers !== true && (
        <Failure {...props} server={server} />
      )}
      <RowNoteView notes={notes} of={profile.name} />
      {unfolded && (
        <ProfileMore
          {...props}
          server={server}
          done={() => {
            setUnfolded(false);
          }}
        />
      )}
    </li>
  );
}

/** Its own server; of several, that of its name. */
export function serverOf(profile: Profile, servers: readonly Server[]): Server | undefined {
  const found = servers.filter((server) => server.profile === profile.name);
  return found.find((server) => server.name === profile.name) ?? found[0];
}

function StartStop(props: ProfileRowProps & { readonly server: Server | undefined }) {
  const { profile, server, notes } = props;
  const { t } = useHost();
  const { name } = profile;
  if (server?.state === 'stopping') {
    return null;
  }
  const waits = server?.retry_at != null;
  return server && (isRunning(server) || waits) ? (
    <TextButton
      text={t('Stop')}
      label={t('Stop %1', name)}
      onPress={() => notes.run(name, { command: 'stop', name: server.name })}
    />
  ) : (
    <TextButton
      text={t('Start')}
      label={t('Start %1', name)}
      look="primary"
      onPress={() => notes.run(name, { command: 'serve', profile: name })}
    />
  );
}

function Failure(props: ProfileRowProps & { readonly server: Server }) {
  const { server, now, notes, offered } = props;
  const host = useHost();
  const { t } = host;
  const { error, retry_at, restarts } = server;
  return (
    <>
      {retry_at !== null && (
        <span class="mlxm-meta mlxm-waiting">{retryText(retry_at, restarts, now, host)}</span>
      )}
      <span class="mlxm-meta mlxm-failure">
        {[error?.message ?? t('It failed.'), error?.hint].filter(Boolean).join(' ')}
      </span>
      {offered && <NextSteps server={server} notes={notes} noteKey={props.profile.name} />}
    </>
  );
}
