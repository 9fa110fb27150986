import '../../style/panel.css';
import '../../style/models.css';

import { ModelsView } from '../core/views/models';
import { panelWidget } from './panel_widget';

/** `mlx.ModelsPanel()`: the panel's *Models* section in a cell's output. */
export default panelWidget(ModelsView);
