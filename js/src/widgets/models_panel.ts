import type { Render } from '@anywidget/types';
import { h } from 'preact';

import '../../style/panel.css';
import '../../style/search.css';
import '../../style/models.css';
import '../../style/details.css';

import type { ModelSource } from '../core/schema';
import { ModelsView } from '../core/views/models';
import type { Body } from '../core/views/panel';
import type { PanelTraits } from './model_store';
import { panelWidget } from './panel_widget';

/** The synced traits of the Python widget, besides those of every panel. */
export interface ModelsTraits extends PanelTraits {
  source: ModelSource;
}

const render: Render<PanelTraits> = (props) => {
  const source = props.model.get('source') as ModelSource | undefined;
  const body: Body = (given) => h(ModelsView, { ...given, source: source ?? 'local' });
  return panelWidget(body).render(props);
};

/** `mlx.ModelsPanel()`: the panel's *Models* section in a cell's output. */
export default { render };
