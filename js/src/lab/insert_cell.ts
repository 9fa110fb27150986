import type { JupyterFrontEnd } from '@jupyterlab/application';
import { NotebookActions, type INotebookTracker, type NotebookPanel } from '@jupyterlab/notebook';
import { MessageLoop } from '@lumino/messaging';

/** Puts a ready `%%mlx_chat` cell below the active one; in a new notebook if there is none. */
export async function insertChatCell(
  app: JupyterFrontEnd,
  tracker: INotebookTracker,
  name: string,
): Promise<void> {
  const current = tracker.currentWidget;
  const panel = current ?? (await newNotebook(app));
  const notebook = panel.content;
  app.shell.activateById(panel.id);
  // Lumino activates later; that would take the cursor out of the cell again.
  MessageLoop.flush();
  if (current) {
    NotebookActions.insertBelow(notebook);
  }
  // A user may have made Markdown the kind of new cells.
  if (notebook.activeCell?.model.type !== 'code') {
    NotebookActions.changeCellType(notebook, 'code');
  }
  const source = `%%mlx_chat --model ${name}\n`;
  notebook.activeCell?.model.sharedModel.setSource(source);
  notebook.mode = 'edit';
  notebook.activeCell?.editor?.setCursorPosition({ line: 1, column: 0 });
}

async function newNotebook(app: JupyterFrontEnd): Promise<NotebookPanel> {
  const kernelName = app.serviceManager.kernelspecs.specs?.default;
  const panel = (await app.commands.execute('notebook:create-new', {
    ...(kernelName === undefined ? {} : { kernelName }),
  })) as NotebookPanel;
  await panel.context.ready;
  return panel;
}
