import type { Render } from '@anywidget/types';

import { render as renderPanel, type Body } from '../core/views/panel';
import { lifetime } from './lifetime';
import { ModelStore, type PanelTraits } from './model_store';

/** A widget that shows a panel with this body in a cell's output. */
export function panelWidget(body: Body): { readonly render: Render<PanelTraits> } {
  return {
    render: ({ model, el, signal }) => {
      const life = lifetime(signal);
      const card = document.createElement('div');
      card.className = 'mlxm-card';
      el.append(card);
      renderPanel(card, new ModelStore(model, life.signal), life.signal, body);
      return life.end;
    },
  };
}
