import type { JupyterFrontEnd } from '@jupyterlab/application';
import { InputDialog, type ICommandPalette } from '@jupyterlab/apputils';
import type { INotebookTracker } from '@jupyterlab/notebook';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';
import type { Widget } from '@lumino/widgets';

import type { Host, ProfileSubject } from '../core/host';
import { problemOf } from '../core/problem';
import type { Command, Store } from '../core/store';
import { insertChatCell } from './insert_cell';
import { createLogTab, logTabId } from './logs';
import { createMetricsTab, METRICS_TAB_ID } from './metrics_tab';
import { ProfileTab } from './profile_tab';

/** Ids for other extensions, shortcuts and tests. Those that act on something take `{name}`, or ask. */
export const CommandIDs = {
  open: 'mlx-manager-jupyter:open',
  metrics: 'mlx-manager-jupyter:metrics',
  insertCell: 'mlx-manager-jupyter:insert-cell',
  copyUrl: 'mlx-manager-jupyter:copy-url',
  logs: 'mlx-manager-jupyter:logs',
  newProfile: 'mlx-manager-jupyter:new-profile',
  editProfile: 'mlx-manager-jupyter:edit-profile',
  startProfile: 'mlx-manager-jupyter:start-profile',
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
  const add = (
    id: string,
    label: string,
    execute: (name: string) => unknown,
    of: 'servers' | 'profiles' = 'servers',
  ) => {
    app.commands.addCommand(id, {
      label,
      execute: async (args) => {
        const names = store.snapshot()[of].map((one) => one.name);
        const name = nameIn(args) ?? (await askForName(names, host, label));
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

  app.commands.addCommand(CommandIDs.metrics, {
    label: t('Show MLX Metrics'),
    execute: () => {
      showOnce(context, METRICS_TAB_ID, () => createMetricsTab(store, host));
    },
  });
  palette?.addItem({ command: CommandIDs.metrics, category });

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

  app.commands.addCommand(CommandIDs.newProfile, {
    label: t('New Profile'),
    execute: ({ values }) => {
      showProfile(context, { values: (values ?? {}) as Readonly<Record<string, unknown>> });
    },
  });
  palette?.addItem({ command: CommandIDs.newProfile, category });
  const edit = (name: string) => {
    showProfile(context, { name });
  };
  add(CommandIDs.editProfile, t('Edit Profile'), edit, 'profiles');
  const start = (profile: string) => send({ command: 'serve', profile });
  add(CommandIDs.startProfile, t('Start Profile'), start, 'profiles');

  app.commands.addCommand(CommandIDs.copyUrl, {
    label: t('Copy Base URL for OpenAI Clients'),
    isEnabled: () => store.snapshot().gatewayUrl !== null,
    execute: () => host.copy(store.snapshot().gatewayUrl ?? ''),
  });
  palette?.addItem({ command: CommandIDs.copyUrl, category });
}

function showLog(context: CommandContext, name: string): void {
  const { store, host } = context;
  showOnce(context, logTabId(name), () => createLogTab(store, host, name));
}

/** Brings a main-area tab to the front; makes it if it is not there. */
function showOnce({ app }: CommandContext, id: string, create: () => Widget): void {
  const open = [...app.shell.widgets('main')].some((widget) => widget.id === id);
  if (!open) {
    app.shell.add(create(), 'main');
  }
  app.shell.activateById(id);
}

/** One tab a profile; a new one each time for one that is not saved. */
function showProfile({ app, store, host }: CommandContext, subject: ProfileSubject): void {
  const open = [...app.shell.widgets('main')].find(
    (widget): widget is ProfileTab =>
      widget instanceof ProfileTab && subject.name !== undefined && widget.profile === subject.name,
  );
  const tab = open ?? new ProfileTab(store, host, subject);
  if (!open) {
    app.shell.add(tab, 'main');
  }
  app.shell.activateById(tab.id);
}

function nameIn(args: ReadonlyPartialJSONObject): string | null {
  return typeof args.name === 'string' ? args.name : null;
}

/** The only one, or the chosen one; null when there is none or the user thinks better of it. */
async function askForName(
  names: readonly string[],
  { t }: Host,
  title: string,
): Promise<string | null> {
  if (names.length <= 1) {
    return names[0] ?? null;
  }
  const choice = await InputDialog.getItem({ title, label: t('Name'), items: [...names] });
  return choice.button.accept ? choice.value : null;
}
