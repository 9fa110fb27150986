import {
  ILayoutRestorer,
  type JupyterFrontEnd,
  type JupyterFrontEndPlugin,
} from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { INotebookTracker } from '@jupyterlab/notebook';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { IStatusBar } from '@jupyterlab/statusbar';
import { ITranslator } from '@jupyterlab/translation';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';

import { copyText } from '../core/clipboard';
import { createFormat } from '../core/format';
import { english, type Host, type Translate } from '../core/host';
import { addCommands, CommandIDs } from './commands';
import { ServerKeys } from './keys';
import { createPanel } from './panel';
import { report } from './report';
import { ServerStore } from './server_store';
import { createStatusWidget, StatusItem } from './statusbar';

const PLUGIN_ID = 'mlx-manager-jupyter:plugin';
const SETTINGS_EDITOR = 'settingeditor:open';

/** After the file browser (100), running kernels (200) and the table of contents (400). */
const PANEL_RANK = 700;

/** Sidebar panel, status-bar item and commands, all fed by one store. */
const plugin: JupyterFrontEndPlugin<void> = {
  id: PLUGIN_ID,
  description: 'Serve, watch and use the MLX models of your own machine.',
  autoStart: true,
  optional: [
    ICommandPalette,
    ILayoutRestorer,
    INotebookTracker,
    ISettingRegistry,
    IStatusBar,
    ITranslator,
  ],
  activate: (
    app: JupyterFrontEnd,
    palette: ICommandPalette | null,
    restorer: ILayoutRestorer | null,
    notebooks: INotebookTracker | null,
    settings: ISettingRegistry | null,
    statusBar: IStatusBar | null,
    translator: ITranslator | null,
  ) => {
    const store = new ServerStore(app.serviceManager.serverSettings);
    const host = createHost(app, store, translate(translator), notebooks !== null);
    const panel = createPanel(store, host);
    app.shell.add(panel, 'left', { rank: PANEL_RANK });
    restorer?.add(panel, panel.id);
    addCommands({ app, store, host, panelId: panel.id, palette, notebooks });
    if (statusBar) {
      const open = () => void app.commands.execute(CommandIDs.open);
      const item = new StatusItem(statusBar, () => createStatusWidget(store, host, open));
      void followSettings(settings, item);
    }
  },
};

export default plugin;

function createHost(
  app: JupyterFrontEnd,
  store: ServerStore,
  t: Translate,
  hasNotebooks: boolean,
): Host {
  const run = (id: string, name: string) => void app.commands.execute(id, { name });
  return {
    t,
    format: createFormat(),
    copy: copyText,
    ...(hasNotebooks && {
      insertCell: (name) => {
        run(CommandIDs.insertCell, name);
      },
    }),
    openLogs: (name) => {
      run(CommandIDs.logs, name);
    },
    openProfile: (subject) => {
      const { name } = subject;
      if (name === undefined) {
        const values = subject.values as ReadonlyPartialJSONObject;
        void app.commands.execute(CommandIDs.newProfile, { values });
      } else {
        run(CommandIDs.editProfile, name);
      }
    },
    openMetrics: () => void app.commands.execute(CommandIDs.metrics),
    keys: new ServerKeys(app.serviceManager.serverSettings),
    openSettings: () => {
      if (app.commands.hasCommand(SETTINGS_EDITOR)) {
        void app.commands.execute(SETTINGS_EDITOR, { query: 'MLX' });
      }
    },
    report: (problem) => {
      report(t, problem);
    },
    retry: () => {
      store.retry();
    },
  };
}

function translate(translator: ITranslator | null): Translate {
  const bundle = translator?.load('mlx_manager_jupyter');
  return bundle ? (text, ...values) => bundle.__(text, ...values.map(String)) : english;
}

/** Without settings the item is simply there. */
async function followSettings(registry: ISettingRegistry | null, item: StatusItem): Promise<void> {
  const settings = await registry?.load(PLUGIN_ID).catch(() => null);
  const update = () => {
    item.visible = settings?.composite.showStatusBarItem !== false;
  };
  settings?.changed.connect(update);
  update();
}
