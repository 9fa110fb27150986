import '../../style/panel.css';
import '../../style/search.css';
import '../../style/models.css';
import '../../style/details.css';
import '../../style/profiles.css';
import '../../style/form.css';

import { ProfilesView } from '../core/views/profiles';
import { panelWidget } from './panel_widget';

/** `mlx.ProfilesPanel()`: the panel's *Profiles* section, forms included, in a cell's output. */
export default panelWidget(ProfilesView);
