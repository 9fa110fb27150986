import { secondsSince, unbroken } from '../format';
import type { Host, Translate } from '../host';
import type { Download } from '../schema';

const ENDED: ReadonlySet<string> = new Set(['done', 'cancelled']);

/** Somebody still has to wait for it, or to decide about it. */
export function isOpen(download: Download): boolean {
  return !ENDED.has(download.state);
}

/** Bytes come, or are read again. */
export function isMoving(download: Download): boolean {
  return download.state === 'running' || download.state === 'verifying';
}

/** From 0 to 1; undefined while nobody knows. */
export function shareOf({ bytes_done: done, bytes_total: total }: Download): number | undefined {
  return total === null || total === 0 ? undefined : Math.min(1, done / total);
}

/** All downloads that wait or move, in one line; null when there are none. */
export interface DownloadTotals {
  readonly count: number;
  readonly share: number | undefined;
}

export function downloadTotals(downloads: readonly Download[]): DownloadTotals | null {
  const active = downloads.filter((one) => isMoving(one) || one.state === 'queued');
  if (active.length === 0) {
    return null;
  }
  const sized = active.filter((one) => one.bytes_total !== null);
  const total = sized.reduce((sum, one) => sum + (one.bytes_total ?? 0), 0);
  const done = sized.reduce((sum, one) => sum + one.bytes_done, 0);
  return { count: active.length, share: total > 0 ? done / total : undefined };
}

/** The state in a word or two. */
export function downloadWord(download: Download, t: Translate): string {
  switch (download.state) {
    case 'queued':
      return t('queued');
    case 'running':
      return t('downloading');
    case 'paused':
      return t('paused');
    case 'verifying':
      return t('verifying');
    case 'done':
      return t('downloaded');
    case 'failed':
      return t('failed');
    case 'cancelled':
      return t('cancelled');
  }
}

/** `62% · 84 MB/s · 21 s`, or the state in a word. */
export function figuresText(download: Download, { t, format }: Host): string {
  const share = shareOf(download);
  const percent = share !== undefined && format.percent(share);
  switch (download.state) {
    case 'running':
      return joined(
        percent,
        download.rate !== null && format.speed(download.rate),
        download.eta_seconds !== null && format.duration(download.eta_seconds),
      );
    case 'paused':
      return joined(percent, t('paused'));
    default:
      return downloadWord(download, t);
  }
}

/** `2.9 of 4.6 GB · file 2 of 3`, or what else there is to say of its state. */
export function storyText(download: Download, now: number, { t, format }: Host): string {
  const { bytes_done: bytes, bytes_total: total, files_done: done, files_total: files } = download;
  const amount =
    total === null
      ? format.bytes(bytes)
      : unbroken(t('%1 of %2', format.amount(bytes, total), format.bytes(total)));
  switch (download.state) {
    case 'queued':
      return joined(t('waits for its turn'), bytes > 0 && amount);
    case 'running':
    case 'paused':
      return total === null
        ? t('asking what there is to fetch')
        : joined(
            amount,
            files !== null && unbroken(t('file %1 of %2', Math.min(files, done + 1), files)),
          );
    case 'verifying':
      return joined(t('checking every byte'), format.bytes(bytes));
    case 'done':
      return joined(
        format.bytes(total ?? bytes),
        download.finished_at !== null && format.ago(secondsSince(download.finished_at, now)),
      );
    case 'cancelled':
      return t('what it had fetched is gone');
    case 'failed':
      return download.error?.message ?? t('It failed.');
  }
}

function joined(...parts: readonly (string | false)[]): string {
  return parts.filter(Boolean).join(' · ');
}
