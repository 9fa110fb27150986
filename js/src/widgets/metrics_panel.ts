import '../../style/panel.css';
import '../../style/segmented.css';
import '../../style/metrics.css';

import { MetricsView } from '../core/views/metrics';
import { panelWidget } from './panel_widget';

/** `mlx.MetricsPanel()`: figures over time in a cell's output. */
export default panelWidget(MetricsView);
