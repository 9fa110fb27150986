import type { JupyterFrontEnd } from '@jupyterlab/application';
import { InputDialog, type ICommandPalette } from '@jupyterlab/apputils';
import type { INotebookTracker } from '@jupyterlab/notebook';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';

import type { Host } from '../core/host';
import { problemOf } from '../core/problem';
import type { Command, Store } from '../core/store';
import { insertChatCell } from './insert_cell';
import { createLogTab, logTabId } from './logs';

/** Ids for other extensions, shortcuts and tests. Those of a server take `{name}`, or ask. */
export const CommandIDs = {
  open: 'mlx-manager-jupyter:open',
  insertCell: 'mlx-manager-jupyter:insert-cell',
  copyUrl: 'mlx-manager-jupyter:copy-url',
  logs: 'mlx-manager-jupyter:logs',
  restart: 'mlx-manager-jupyter:restart',
  stop: 'mlx-manager-jupyter:stop',
} as const;

/** What the commands work with. */
export interface CommandContext {
  readonly app: JupyterFrontEnd;
  readonly store: Store;
  readonly host: Host;
  readonly panelId: string;
  readonly palette: ICommandPalette | null;
  readonly notebooks: INotebookTracker | null;
}

/** Adds all commands, to the palette too. */
export function addCommands(context: CommandContext): void {
  const { app, store, host, panelId, palette, notebooks } = context;
  const { t } = host;
  const category = t('MLX');
  const add = (id: string, label: string, execute: (name: string) => unknown) => {
    app.commands.addCommand(id, {
      label,
      execute: async (args) => {
        const name = nameIn(args) ?? (await askForServer(store, host, label));
        return name === null ? undefined : execute(name);
      },
    });
    palette?.addItem({ command: id, category });
  };
  const send = async (command: Command) => {
    try {
      await store.send(command);
    } catch (thrown) {
      host.report?.(problemOf(thrown));
    }
  };

  app.commands.addCommand(CommandIDs.open, {
    label: t('Show MLX Models'),
    execute: () => {
      app.shell.activateById(panelId);
    },
  });
  palette?.addItem({ command: CommandIDs.open, category });

  if (notebooks) {
    add(CommandIDs.insertCell, t('Insert Chat Cell'), (name) =>
      insertChatCell(app, notebooks, name),
    );
  }
  add(CommandIDs.logs, t('Show Log of a Model'), (name) => {
    showLog(context, name);
  });
  add(CommandIDs.restart, t('Restart Model'), (name) => send({ command: 'restart', name }));
  add(CommandIDs.stop, t('Stop Model'), (name) => send({ command: 'stop', name }));

  app.commands.addCommand(CommandIDs.copyUrl, {
    label: t('Copy Base URL for OpenAI Clients'),
    isEnabled: () => store.snapshot().gatewayUrl !== null,
    execute: () => host.copy(store.snapshot().gatewayUrl ?? ''),
  });
  palette?.addItem({ command: CommandIDs.copyUrl, category });
}

function showLog({ app, store, host }: CommandContext, name: string): void {
  const id = logTabId(name);
  const open = [...app.shell.widgets('main')].some((widget) => widget.id === id);
  if (!open) {
    app.shell.add(createLogTab(store, host, name), 'main');
  }
  app.shell.activateById(id);
}

function nameIn(args: ReadonlyPartialJSONObject): string | null {
  return typeof args.name === 'string' ? args.name : null;
}

/** The only server, or the chosen one; null when there is none or the user thinks better of it. */
async function askForServer(store: Store, { t }: Host, title: string): Promise<string | null> {
  const names = store.snapshot().servers.map((server) => server.name);
  if (names.length <= 1) {
    return names[0] ?? null;
  }
  const choice = await InputDialog.getItem({ title, label: t('Model'), items: names });
  return choice.button.accept ? choice.value : null;
}
