import type { Render } from '@anywidget/types';

import '../../style/panel.css';

import { render as renderPanel } from '../core/views/panel';
import { lifetime } from './lifetime';
import { ModelStore, type PanelTraits } from './model_store';

const render: Render<PanelTraits> = ({ model, el, signal }) => {
  const life = lifetime(signal);
  const card = document.createElement('div');
  card.className = 'mlxm-card';
  el.append(card);
  renderPanel(card, new ModelStore(model, life.signal), life.signal);
  return life.end;
};

/** `mlx.ServersPanel()`: the panel's *Running* section in a cell's output. */
export default { render };
