import { MainAreaWidget } from '@jupyterlab/apputils';

import type { Host } from '../core/host';
import type { Store } from '../core/store';
import { MetricsView } from '../core/views/metrics';
import { render } from '../core/views/panel';
import { mlxIcon } from './icon';
import { ViewWidget } from './view_widget';

/** There is one. */
export const METRICS_TAB_ID = 'mlx-manager-jupyter-metrics';

/** A main-area tab with the figures over time. */
export function createMetricsTab(store: Store, host: Host): MainAreaWidget {
  const content = new ViewWidget((el, signal) => {
    render(el, store, signal, MetricsView, { ...host, openMetrics: undefined });
  });
  content.addClass('mlxm-metrics-tab');
  const tab = new MainAreaWidget({ content });
  tab.toolbar.hide();
  tab.id = METRICS_TAB_ID;
  tab.title.label = host.t('MLX: Metrics');
  tab.title.caption = host.t('Speed, memory and first tokens of the models that run');
  tab.title.icon = mlxIcon;
  tab.title.closable = true;
  return tab;
}
