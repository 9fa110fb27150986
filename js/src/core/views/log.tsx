import { render as draw } from 'preact';

import { LogView } from '../components/log_view';
import { HostProvider, PLAIN_HOST, type Host } from '../host';
import type { Store } from '../store';

/** Which log, how much of it, and whether anybody can see it now. */
export interface LogSubject {
  readonly name: string;
  readonly lines: number;
  readonly visible: () => boolean;
}

/** Draws a server's log into `el` until `signal` aborts. */
export function renderLog(
  el: HTMLElement,
  store: Store,
  signal: AbortSignal,
  subject: LogSubject,
  host: Host = PLAIN_HOST,
): void {
  el.classList.add('mlxm-root');
  draw(
    <HostProvider value={host}>
      <LogView store={store} {...subject} />
    </HostProvider>,
    el,
  );
  signal.addEventListener('abort', () => {
    draw(null, el);
  });
}
