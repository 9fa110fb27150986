import { Notification, showErrorMessage } from '@jupyterlab/apputils';

import type { Translate } from '../core/host';
import type { Problem } from '../core/schema';

/** JupyterLab cuts notifications here. */
const NOTIFICATION_LENGTH = 140;

/** Shows a failed command: what happened, what to do next and, on request, the log's last lines. */
export function report(t: Translate, problem: Problem): void {
  const text = [problem.message, problem.hint].filter(Boolean).join(' ');
  const hasMore = text.length > NOTIFICATION_LENGTH || problem.log_tail.length > 0;
  const details = {
    label: t('Details'),
    callback: () => {
      void showErrorMessage(
        problem.message,
        [problem.hint, ...problem.log_tail].filter(Boolean).join('\n'),
      );
    },
  };
  Notification.error(text, { autoClose: false, actions: hasMore ? [details] : [] });
}
