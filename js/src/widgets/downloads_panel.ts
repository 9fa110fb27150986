import '../../style/panel.css';
import '../../style/models.css';

import { DownloadsView } from '../core/views/downloads';
import { panelWidget } from './panel_widget';

/** `mlx.DownloadsPanel()`: all downloads in a cell's output. */
export default panelWidget(DownloadsView);
