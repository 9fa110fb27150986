import { LabIcon } from '@jupyterlab/ui-components';

const SVG = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 20 20" width="20">
  <path class="jp-icon3 jp-icon-selectable" fill="#616161" fill-rule="evenodd"
    d="M10 1.2 18.8 10 10 18.8 1.2 10ZM10 3.3 3.3 10 10 16.7 16.7 10ZM10 6 14 10 10 14 6 10Z"/>
</svg>`;

/** A diamond within a diamond. */
export const mlxIcon = new LabIcon({ name: 'mlx-manager-jupyter:icon', svgstr: SVG });
