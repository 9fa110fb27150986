import type { IStatusBar } from '@jupyterlab/statusbar';

import type { Host } from '../core/host';
import type { Store } from '../core/store';
import { renderStatus } from '../core/views/status';
import { ViewWidget } from './view_widget';

const ID = 'mlx-manager-jupyter:status';

/** Shows or hides `● MLX 2 running · 62 tok/s · 13.1 GB ⬇ 1 download · 62%` in the status bar. */
export class StatusItem {
  private shown: { dispose(): void } | null = null;

  constructor(
    private readonly bar: IStatusBar,
    private readonly create: () => ViewWidget,
  ) {}

  set visible(visible: boolean) {
    if (visible === (this.shown !== null)) {
      return;
    }
    this.shown?.dispose();
    this.shown = visible
      ? this.bar.registerStatusItem(ID, { item: this.create(), align: 'left', rank: 10 })
      : null;
  }
}

/** The item's widget; pressing it opens the panel. */
export function createStatusWidget(store: Store, host: Host, open: () => void): ViewWidget {
  return new ViewWidget((el, signal) => {
    renderStatus(el, store, signal, open, host);
  });
}
