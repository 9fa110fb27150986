import { useState } from 'preact/hooks';

import { IconButton, TextButton } from '../components/button';
import { CopyButton } from '../components/copy_button';
import { Dot, stateWord } from '../components/dot';
import { LogView } from '../components/log_view';
import { ProgressBar } from '../components/meter';
import { secondsSince, shortModel, unbroken } from '../format';
import { useHost } from '../host';
import type { RowNotes } from '../row_notes';
import type { Server } from '../schema';
import type { Command, State, Store } from '../store';
import { RowNoteView } from './row_note';
import { Figures } from './server_figures';
import { ServerMarks, whereItIs } from './server_marks';
import { NextSteps, retryText } from './server_steps';

const INLINE_LOG_LINES = 200;

export interface RowProps {
  readonly server: Server;
  readonly state: State;
  readonly store: Store;
  readonly now: number;
  /** Sends a command and shows its failure. */
  readonly act: (command: Command) => Promise<void>;
  readonly notes: RowNotes;
}

/** One server: what it is, how it does, what can be done with it. */
export function ServerRow(props: RowProps) {
  const { server, state, store } = props;
  const { t } = useHost();
  const [unfolded, setUnfolded] = useState(false);
  const toggleLog = () => {
    setUnfolded(!unfolded);
  };
  const offered = state.connection.status !== 'saved';
  const row = { ...props, offered, log: { unfolded, toggle: toggleLog } };
  return (
    <li
      class="mlxm-row"
      role="listitem"
      tabIndex={-1}
      data-name={server.name}
      data-state={server.state}
      aria-label={`${server.name}, ${stateWord(server.state, t)}`}
    >
      <RowBody {...row} />
      {server.note !== null && server.error === null && (
        <span class="mlxm-meta mlxm-server-note">{server.note}</span>
      )}
      <RowNoteView notes={props.notes} of={server.name} />
      {unfolded && <LogView store={store} name={server.name} lines={INLINE_LOG_LINES} />}
    </li>
  );
}

type BodyProps = RowProps & {
  readonly offered: boolean;
  readonly log: { readonly unfolded: boolean; readonly toggle: () => void };
};

function RowBody(props: BodyProps) {
  switch (props.server.state) {
    case 'ready':
      return <ReadyBody {...props} />;
    case 'starting':
    case 'loading':
      return <LoadingBody {...props} />;
    case 'failed':
      return <FailedBody {...props} />;
    case 'stopping':
    case 'stopped':
      return <LeavingBody {...props} />;
  }
}

function Name({ server }: { readonly server: Server }) {
  return (
    <span class="mlxm-name" title={server.name}>
      <Dot state={server.state} />
      {server.name}
    </span>
  );
}

function ReadyBody(props: BodyProps) {
  const { server, state, now, act, offered } = props;
  const { t, format, insertCell } = useHost();
  const { name } = server;
  return (
    <>
      <Name server={server} />
      <span class="mlxm-aside" title={server.base_url ?? undefined}>
        {whereItIs(server)}
      </span>
      <span class="mlxm-meta" title={server.model}>
        {[
          shortModel(server.model),
          server.engine,
          server.started_at !== null &&
            unbroken(t('up %1', format.duration(secondsSince(server.started_at, now)))),
        ]
          .filter(Boolean)
          .join(' · ')}
      </span>
      <Figures server={server} state={state} />
      <ServerMarks server={server} load={state.metrics?.servers[name]} now={now} />
      {offered && (
        <span class="mlxm-actions">
          {insertCell && (
            <TextButton
              text={t('Insert cell')}
              label={t('Insert cell to chat with %1', name)}
              onPress={() => {
                insertCell(name);
              }}
            />
          )}
          {state.gatewayUrl !== null && (
            <CopyButton label={t('Copy base URL for %1', name)} text={state.gatewayUrl} />
          )}
          <LogsButton {...props} />
          {server.restart_to_apply ? (
            <TextButton
              text={t('Restart to apply')}
              label={t('Restart to apply what was changed in %1', name)}
              onPress={() => act({ command: 'restart', name })}
            />
          ) : (
            <IconButton
              icon="restart"
              label={t('Restart %1', name)}
              onPress={() => act({ command: 'restart', name })}
            />
          )}
          <StopButton {...props} />
        </span>
      )}
    </>
  );
}

function LoadingBody(props: BodyProps) {
  const { server, now, offered } = props;
  const { t, format } = useHost();
  const progress = server.progress;
  const [done, total] = [progress?.done_bytes ?? null, progress?.total_bytes ?? server.size_bytes];
  const stage = progress?.stage ?? stateWord(server.state, t);
  const known = done !== null && total !== null && total > 0;
  return (
    <>
      <Name server={server} />
      <span class="mlxm-aside">
        <span class="mlxm-stage">{stage}</span>
        {server.started_at !== null && (
          <span class="mlxm-seconds">{format.duration(secondsSince(server.started_at, now))}</span>
        )}
        {offered && <StopButton {...props} />}
      </span>
      <span class="mlxm-meta" title={server.model}>
        {[
          shortModel(server.model),
          server.engine,
          known
            ? unbroken(t('%1 of %2', format.amount(done, total), format.bytes(total)))
            : total !== null && format.bytes(total),
        ]
          .filter(Boolean)
          .join(' · ')}
      </span>
      <ProgressBar
        label={t('%1: %2', server.name, stage)}
        {...(known ? { share: done / total } : {})}
      />
    </>
  );
}

function FailedBody(props: BodyProps) {
  const { server, now, act, offered } = props;
  const host = useHost();
  const { t } = host;
  const { name, retry_at } = server;
  const waits = retry_at !== null;
  return (
    <>
      <Name server={server} />
      <span class="mlxm-aside">
        {offered && (
          <>
            <LogsButton {...props} wide />
            <IconButton
              icon="restart"
              label={waits ? t('Start %1 now', name) : t('Try to start %1 again', name)}
              onPress={() => act({ command: 'restart', name })}
            />
            <IconButton
              icon={waits ? 'stop' : 'close'}
              label={waits ? t('Stop %1', name) : t('Dismiss %1', name)}
              onPress={() => act({ command: 'stop', name })}
            />
          </>
        )}
      </span>
      {waits && (
        <span class="mlxm-meta mlxm-waiting">
          {retryText(retry_at, server.restarts, now, host)}
        </span>
      )}
      <span class="mlxm-meta mlxm-failure">
        {[server.error?.message ?? t('It failed.'), server.error?.hint].filter(Boolean).join(' ')}
      </span>
      {offered && <NextSteps {...props} />}
    </>
  );
}

function LeavingBody({ server }: BodyProps) {
  const { t } = useHost();
  return (
    <>
      <Name server={server} />
      <span class="mlxm-aside">{stateWord(server.state, t)}</span>
      <span class="mlxm-meta" title={server.model}>
        {shortModel(server.model)} · {server.engine}
      </span>
    </>
  );
}

function StopButton({ server, act }: BodyProps) {
  const { t } = useHost();
  return (
    <IconButton
      icon="stop"
      label={t('Stop %1', server.name)}
      onPress={() => act({ command: 'stop', name: server.name })}
    />
  );
}

/** Where the host has no place for logs, the row unfolds them. `wide`: they are what to look at. */
function LogsButton({ server, log, wide = false }: BodyProps & { readonly wide?: boolean }) {
  const { t, openLogs } = useHost();
  const button = openLogs
    ? {
        onPress: () => {
          openLogs(server.name);
        },
      }
    : { expanded: log.unfolded, onPress: log.toggle };
  const label = t('Logs of %1', server.name);
  return wide ? (
    <TextButton text={t('Logs')} label={label} {...button} />
  ) : (
    <IconButton icon="logs" label={label} {...button} />
  );
}
