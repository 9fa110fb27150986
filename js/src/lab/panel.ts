import type { Host } from '../core/host';
import type { Store } from '../core/store';
import { render } from '../core/views/panel';
import { SidebarBody } from '../core/views/sidebar';
import { mlxIcon } from './icon';
import { ViewWidget } from './view_widget';

/** The panel of the left sidebar. */
export function createPanel(store: Store, host: Host): ViewWidget {
  const panel = new ViewWidget((el, signal) => {
    render(el, store, signal, SidebarBody, host);
  });
  panel.id = 'mlx-manager-jupyter-panel';
  panel.addClass('mlxm-sidebar');
  panel.title.icon = mlxIcon;
  panel.title.caption = host.t('MLX Manager');
  panel.node.setAttribute('role', 'region');
  panel.node.setAttribute('aria-label', host.t('MLX Manager'));
  return panel;
}
