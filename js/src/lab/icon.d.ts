import { LabIcon } from '@jupyterlab/ui-components';
/** A diamond within a diamond. */
export declare const mlxIcon: LabIcon;
