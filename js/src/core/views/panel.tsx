import { render as draw, type ComponentType } from 'preact';
import { useState } from 'preact/hooks';

import { IconButton } from '../components/button';
import { Alert, Banner, Note, Refused } from '../components/notes';
import { useStore } from '../hooks';
import { HostProvider, PLAIN_HOST, useHost, type Host } from '../host';
import { problemOf } from '../problem';
import type { Problem } from '../schema';
import type { Command, State, Store } from '../store';
import { Announcer } from './announcer';

/** What stands below the panel's head, once anything is known. */
export type Body = ComponentType<BodyProps>;

interface BodyProps {
  readonly state: State;
  readonly store: Store;
  /** Sends a command and shows its failure. */
  readonly act: (command: Command) => Promise<void>;
}

/** Draws a panel into `el` until `signal` aborts. */
export function render(
  el: HTMLElement,
  store: Store,
  signal: AbortSignal,
  body: Body,
  host: Host = PLAIN_HOST,
): void {
  el.classList.add('mlxm-root');
  draw(
    <HostProvider value={host}>
      <Panel store={store} body={body} />
    </HostProvider>,
    el,
  );
  signal.addEventListener('abort', () => {
    draw(null, el);
  });
}

function Panel({ store, body }: { readonly store: Store; readonly body: Body }) {
  const host = useHost();
  const state = useStore(store);
  const [failure, setFailure] = useState<Problem | null>(null);
  const act = async (command: Command) => {
    try {
      await store.send(command);
      setFailure(null);
    } catch (thrown) {
      (host.report ?? setFailure)(problemOf(thrown));
    }
  };
  return (
    <div class="mlxm-panel" data-connection={state.connection.status}>
      <Header state={state} />
      <ConnectionBanner state={state} />
      {failure !== null && (
        <Alert
          problem={failure}
          onDismiss={() => {
            setFailure(null);
          }}
        />
      )}
      <Content state={state} store={store} act={act} body={body} />
    </div>
  );
}

function Content({ body: Body, ...props }: BodyProps & { readonly body: Body }) {
  const { t } = useHost();
  const { connection, hardware } = props.state;
  if (connection.status === 'refused') {
    return <Refused problem={connection.problem} />;
  }
  if (hardware === null) {
    return <Note title={t('Connecting…')} />;
  }
  return (
    <>
      <Body {...props} />
      <Announcer servers={props.state.servers} downloads={props.state.downloads} />
    </>
  );
}

function Header({ state }: { readonly state: State }) {
  const { t, format, openMetrics, openSettings } = useHost();
  const { hardware } = state;
  return (
    <div class="mlxm-header">
      <h1>MLX</h1>
      <span class="mlxm-aside">
        {hardware !== null && (
          <span class="mlxm-machine" title={hardware.system}>
            {hardware.chip} · {format.capacity(hardware.memory_bytes)} GB
          </span>
        )}
        {openMetrics && <IconButton icon="chart" label={t('Metrics')} onPress={openMetrics} />}
        {openSettings && (
          <IconButton icon="settings" label={t('Settings')} onPress={openSettings} />
        )}
      </span>
    </div>
  );
}

function ConnectionBanner({ state }: { readonly state: State }) {
  const { t } = useHost();
  switch (state.connection.status) {
    case 'reconnecting':
      return <Banner busy>{t('Reconnecting…')}</Banner>;
    case 'saved':
      return <Banner>{t('Saved, no kernel: run the cell again for a live view.')}</Banner>;
    default:
      return null;
  }
}
