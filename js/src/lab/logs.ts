import { MainAreaWidget } from '@jupyterlab/apputils';

import type { Host } from '../core/host';
import type { Store } from '../core/store';
import { renderLog } from '../core/views/log';
import { mlxIcon } from './icon';
import { ViewWidget } from './view_widget';

const LINES = 2000;

/** A main-area tab that follows a server's log. */
export function createLogTab(store: Store, host: Host, name: string): MainAreaWidget {
  const content: ViewWidget = new ViewWidget((el, signal) => {
    renderLog(el, store, signal, { name, lines: LINES, visible: () => content.isVisible }, host);
  });
  content.addClass('mlxm-log-tab');
  const tab = new MainAreaWidget({ content });
  tab.toolbar.hide();
  tab.id = logTabId(name);
  tab.title.label = host.t('%1 log', name);
  tab.title.caption = host.t('Log of %1', name);
  tab.title.icon = mlxIcon;
  tab.title.closable = true;
  return tab;
}

/** One tab a server. */
export function logTabId(name: string): string {
  return `mlx-manager-jupyter-log-${name}`;
}
