import { useState } from 'preact/hooks';

import { TextButton } from '../components/button';
import { Confirm } from '../components/confirm';
import { ProgressBar } from '../components/meter';
import { shortModel } from '../format';
import { useHost } from '../host';
import type { RowNotes } from '../row_notes';
import type { Download } from '../schema';
import { downloadWord, figuresText, shareOf, storyText } from './download_figures';

/** Losing more than so much takes a second press. */
const DEAR_BYTES = 1e9;

interface DownloadProps {
  readonly download: Download;
  readonly now: number;
  readonly notes: RowNotes;
  /** Whose note says how a command went. */
  readonly noteKey: string;
  /** Commands can be carried out. */
  readonly offered: boolean;
}

/** What a row shows below its name while its model comes: how far it is, and what can be done. */
export function DownloadBody(props: DownloadProps) {
  const { download } = props;
  const { t } = useHost();
  const share = shareOf(download);
  const bar = download.state === 'running' || download.state === 'paused';
  const name = shortModel(download.model);
  return (
    <>
      <span class="mlxm-aside mlxm-figure">{figuresText(download, useHost())}</span>
      <Story {...props} />
      {(bar || download.state === 'verifying') && (
        <ProgressBar
          label={t('%1: %2', name, downloadWord(download, t))}
          {...(bar && share !== undefined ? { share } : {})}
        />
      )}
      {props.offered && <Actions {...props} />}
    </>
  );
}

/** The line, or lines, that say what goes on. */
function Story({ download, now }: DownloadProps) {
  const host = useHost();
  const { t, format } = host;
  const { error } = download;
  const why = error && [error.message, error.hint].filter(Boolean).join(' ');
  if (download.state === 'failed') {
    return <span class="mlxm-meta mlxm-failure">{why ?? t('It failed.')}</span>;
  }
  if (download.state === 'queued' && download.retry_at !== null) {
    const left = Math.max(0, (Date.parse(download.retry_at) - now) / 1000);
    return (
      <span class="mlxm-meta mlxm-waiting">
        {t('tries again in %1', format.duration(Math.ceil(left)))}
        {why !== null && `: ${why}`}
      </span>
    );
  }
  return <span class="mlxm-meta">{storyText(download, now, host)}</span>;
}

function Actions({ download, notes, noteKey }: DownloadProps) {
  const { t, format } = useHost();
  const [asking, setAsking] = useState(false);
  const { id: download_id, state, bytes_done: bytes } = download;
  const name = shortModel(download.model);
  const send = (command: 'pause' | 'resume' | 'cancel') =>
    notes.run(noteKey, { command, download_id });
  if (asking) {
    return (
      <Confirm
        question={t('Remove the %1 that were fetched?', format.bytes(bytes))}
        action={t('Remove')}
        onConfirm={() => send('cancel')}
        onCancel={() => {
          setAsking(false);
        }}
      />
    );
  }
  const cancel = () => {
    if (bytes >= DEAR_BYTES) {
      setAsking(true);
      return undefined;
    }
    return send('cancel');
  };
  const ended = state === 'failed' || state === 'done' || state === 'cancelled';
  return (
    <span class="mlxm-actions">
      {(state === 'running' || state === 'queued') && (
        <TextButton
          text={t('Pause')}
          label={t('Pause the download of %1', name)}
          onPress={() => send('pause')}
        />
      )}
      {state === 'paused' && (
        <TextButton
          text={t('Resume')}
          label={t('Resume the download of %1', name)}
          onPress={() => send('resume')}
        />
      )}
      {state === 'failed' && (
        <TextButton
          text={t('Try again')}
          label={t('Try again to download %1', name)}
          onPress={() => send('resume')}
        />
      )}
      {ended ? (
        <TextButton
          text={t('Dismiss')}
          label={t('Dismiss the download of %1', name)}
          onPress={() => send('cancel')}
        />
      ) : (
        <TextButton
          text={t('Cancel')}
          label={t('Cancel the download of %1', name)}
          onPress={cancel}
        />
      )}
    </span>
  );
}
