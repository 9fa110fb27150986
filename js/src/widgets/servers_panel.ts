import '../../style/panel.css';
import '../../style/search.css';
import '../../style/models.css';
import '../../style/profiles.css';

import { ServersBody } from '../core/views/servers_body';
import { panelWidget } from './panel_widget';

/** `mlx.ServersPanel()`: the panel's *Running* section in a cell's output. */
export default panelWidget(ServersBody);
