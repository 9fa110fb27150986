import { render as draw } from 'preact';

import { Dot } from '../components/dot';
import { useStore } from '../hooks';
import { HostProvider, PLAIN_HOST, useHost, type Host } from '../host';
import type { State, Store } from '../store';
import { downloadTotals } from './download_figures';
import { totals } from './figures';

/** Draws the one-line summary into `el` until `signal` aborts; `open` runs when it is pressed. */
export function renderStatus(
  el: HTMLElement,
  store: Store,
  signal: AbortSignal,
  open: () => void,
  host: Host = PLAIN_HOST,
): void {
  el.classList.add('mlxm-root');
  draw(
    <HostProvider value={host}>
      <StatusView store={store} open={open} />
    </HostProvider>,
    el,
  );
  signal.addEventListener('abort', () => {
    draw(null, el);
  });
}

function StatusView({ store, open }: { readonly store: Store; readonly open: () => void }) {
  const { t } = useHost();
  const state = useStore(store);
  return (
    <button
      type="button"
      class="mlxm-status"
      title={t('Open the MLX panel')}
      data-connection={state.connection.status}
      onClick={open}
    >
      <Summary state={state} />
    </button>
  );
}

function Summary({ state }: { readonly state: State }) {
  const { t, format } = useHost();
  const { running, tokensPerSecond, memoryBytes, state: attention } = totals(state);
  const { status } = state.connection;
  const figures = [
    t('%1 running', running),
    ...(tokensPerSecond > 0 ? [format.rate(tokensPerSecond)] : []),
    format.memory(memoryBytes),
  ];
  const words = {
    connecting: t('connecting…'),
    live: running > 0 ? figures.join(' · ') : t('idle'),
    reconnecting: t('reconnecting…'),
    refused: t('not enabled'),
    saved: t('saved'),
  };
  return (
    <>
      <Dot state={status === 'live' ? attention : 'stopped'} />
      <b>MLX</b> <span>{words[status]}</span>
      <Downloads state={state} />
    </>
  );
}

/** `⬇ 1 download · 62%`, while there is one. */
function Downloads({ state }: { readonly state: State }) {
  const { t, format } = useHost();
  const active = downloadTotals(state.downloads);
  if (active === null || state.connection.status !== 'live') {
    return null;
  }
  const count = active.count === 1 ? t('1 download') : t('%1 downloads', active.count);
  return (
    <span class="mlxm-status-downloads">
      <span aria-hidden="true">⬇</span> {count}
      {active.share !== undefined && ` · ${format.percent(active.share)}`}
    </span>
  );
}
