/**
 * The views in made-up states, without Jupyter: `npm run preview`, then open the address it prints.
 *
 * The page's query chooses: `?theme=dark&width=240&state=mock`.
 */
import '../style/index.css';

import { PLAIN_HOST, type Host } from '../src/core/host';
import { INITIAL_STATE, type State, type Store } from '../src/core/store';
import { render } from '../src/core/views/panel';
import { renderStatus } from '../src/core/views/status';
import { STATES } from './states';

const query = new URLSearchParams(location.search);
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
        retry: () => {
          console.log('retry');
        },
      }),
};

function still(state: State): Store {
  return {
    snapshot: () => state,
    subscribe: () => () => undefined,
    send: (command) => {
      console.log(command);
      return Promise.reject(new Error('This is only a preview.'));
    },
  };
}

document.documentElement.dataset.theme = query.get('theme') ?? 'light';
const names = query.get('state')?.split(',') ?? Object.keys(STATES);
for (const name of names) {
  const store = still(STATES[name] ?? INITIAL_STATE);
  const column = document.createElement('div');
  column.style.width = `${query.get('width') ?? '312'}px`;
  const panel = document.createElement('div');
  panel.className = query.has('widget') ? 'mlxm-card' : 'mlxm-sidebar';
  const bar = document.createElement('div');
  bar.className = 'bar';
  column.append(panel, bar);
  document.body.append(column);
  render(panel, store, never, host);
  renderStatus(bar, store, never, () => undefined, host);
}
