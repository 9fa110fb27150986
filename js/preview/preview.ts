/**
 * The views in made-up states, without Jupyter: `npm run preview`, then open the address it prints.
 *
 * The page's query chooses: `?theme=dark&width=240&height=600&state=mock`, `&widget=models` to see it
 * in a cell's output.
 */
import '../style/index.css';

import { PLAIN_HOST, type Host } from '../src/core/host';
import { INITIAL_STATE } from '../src/core/store';
import { DownloadsView } from '../src/core/views/downloads';
import { MetricsView } from '../src/core/views/metrics';
import { ModelsView } from '../src/core/views/models';
import { render, type Body } from '../src/core/views/panel';
import { ProfilesView } from '../src/core/views/profiles';
import { ServersBody } from '../src/core/views/servers_body';
import { SidebarBody } from '../src/core/views/sidebar';
import { renderStatus } from '../src/core/views/status';
import { PreviewKeys } from './keys';
import { STATES } from './states';
import { PreviewStore, type World } from './store';

const query = new URLSearchParams(location.search);
const BODIES: Readonly<Record<string, Body>> = {
  servers: ServersBody,
  models: ModelsView,
  downloads: DownloadsView,
  profiles: ProfilesView,
  metrics: MetricsView,
};
const never = new AbortController().signal;
const host: Host = {
  ...PLAIN_HOST,
  ...(query.has('widget')
    ? {}
    : {
        insertCell: (name) => {
          console.log('insert', name);
        },
        openLogs: (name) => {
          console.log('logs', name);
        },
        openSettings: () => {
          console.log('settings');
        },
        keys: new PreviewKeys(),
        retry: () => {
          console.log('retry');
        },
      }),
};

/** Types and presses what the state begins with. */
function begin(panel: HTMLElement, { source, q, press = [] }: NonNullable<World['start']>): void {
  if (source) {
    panel.querySelectorAll<HTMLElement>('[role=radio]')[1]?.click();
  }
  const box = panel.querySelector<HTMLInputElement>('input[type=search]');
  if (q !== undefined && box) {
    box.value = q;
    box.dispatchEvent(new InputEvent('input', { bubbles: true }));
  }
  for (const [index, label] of press.entries()) {
    setTimeout(
      () => {
        [...panel.querySelectorAll('button')]
          .findLast((one) => one.ariaLabel === label || one.textContent === label)
          ?.click();
      },
      400 * (index + 1),
    );
  }
}

document.documentElement.dataset.theme = query.get('theme') ?? 'light';
const height = query.get('height');
const names = query.get('state')?.split(',') ?? Object.keys(STATES);
for (const name of names) {
  const world = STATES[name] ?? { state: INITIAL_STATE };
  const store = new PreviewStore(world);
  const column = document.createElement('div');
  column.style.width = `${query.get('width') ?? '312'}px`;
  const panel = document.createElement('div');
  panel.className = query.has('widget') ? 'mlxm-card' : 'mlxm-sidebar';
  if (height !== null) {
    panel.style.height = `${height}px`;
  }
  const bar = document.createElement('div');
  bar.className = 'bar';
  column.append(panel, bar);
  document.body.append(column);
  render(panel, store, never, BODIES[query.get('widget') ?? ''] ?? SidebarBody, host);
  renderStatus(bar, store, never, () => undefined, host);
  setTimeout(begin, 50, panel, world.start ?? {});
}
