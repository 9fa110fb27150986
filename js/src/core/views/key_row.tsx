import { Badge } from '../components/badge';
import { TextButton } from '../components/button';
import { Confirm } from '../components/confirm';
import { Alert } from '../components/notes';
import { secondsSince, shortModel as lastOf, unbroken } from '../format';
import { useHost, type Host } from '../host';
import type { Key, Problem } from '../schema';

/** How kernels call the keys that they make for themselves. */
const KERNEL = 'kernel';

/** One key: what it opens, until when, and the button to end it. */
export function KeyRow(props: {
  readonly of: Key;
  /** Whether it is to be revoked is being asked. */
  readonly asked: boolean;
  /** Why it could not be revoked. */
  readonly problem: Problem | null;
  readonly onAsk: (id: string | null) => void;
  readonly onRevoke: () => unknown;
  readonly onDismiss: () => void;
}) {
  const { of: key, asked, problem } = props;
  const host = useHost();
  const { t } = host;
  const name = keyName(key);
  const mark = markOf(key, host);
  const cancel = () => {
    props.onAsk(null);
  };
  return (
    <li
      class="mlxm-row mlxm-key"
      role="listitem"
      tabIndex={-1}
      data-name={key.id}
      aria-label={[name, mark?.text].filter(Boolean).join(', ')}
    >
      <span class="mlxm-name" title={key.notebook ?? key.label}>
        {name}
      </span>
      <span class="mlxm-aside">
        {mark && <Badge {...mark} />}
        <TextButton
          text={t('Revoke')}
          label={t('Revoke %1', name)}
          expanded={asked}
          onPress={() => {
            props.onAsk(asked ? null : key.id);
          }}
        />
      </span>
      <span class="mlxm-meta">{opensText(key, host)}</span>
      <span class="mlxm-meta">{timesText(key, host)}</span>
      {problem && <Alert problem={problem} onDismiss={props.onDismiss} />}
      {asked && (
        <Confirm
          question={revokeText(key, host)}
          action={t('Revoke')}
          onConfirm={props.onRevoke}
          onCancel={cancel}
        />
      )}
    </li>
  );
}

/** Of a kernel's, the notebook: they are all called the same. */
export function keyName({ label, notebook }: Key): string {
  const file = label === KERNEL ? lastOf(notebook ?? '') : '';
  return file === '' ? label : file;
}

function isKernels({ pid, label }: Key): boolean {
  return pid !== null && label === KERNEL;
}

function isOver({ expires_at: end }: Key): boolean {
  return end !== null && Date.parse(end) <= Date.now();
}

function markOf(key: Key, { t }: Host) {
  if (isOver(key)) {
    return { text: t('expired'), tone: 'no', title: t('It opens nothing any more.') } as const;
  }
  if (key.pid === null) {
    return null;
  }
  return isKernels(key)
    ? { text: t('kernel'), title: t('Made by a kernel for itself, process %1.', key.pid) }
    : { text: t('process'), title: t('Made by a program for itself, process %1.', key.pid) };
}

function opensText(key: Key, { t, format }: Host): string {
  const rate = key.requests_per_minute;
  return [
    key.profiles.length === 0 ? t('all models') : key.profiles.join(', '),
    rate !== null && unbroken(t('%1 requests a minute', format.number(rate))),
  ]
    .filter(Boolean)
    .join(' · ');
}

function timesText(key: Key, host: Host): string {
  const { t, format } = host;
  const { last_used_at: used } = key;
  return [
    endText(key, host),
    used === null ? t('never used') : t('used %1', format.ago(secondsSince(used, Date.now()))),
  ]
    .map(unbroken)
    .join(' · ');
}

function endText(key: Key, { t, format }: Host): string {
  const { expires_at: end } = key;
  if (end === null) {
    if (key.pid === null) {
      return t('never ends');
    }
    return isKernels(key) ? t('ends with its kernel') : t('ends with its process');
  }
  const now = Date.now();
  return isOver(key)
    ? t('expired %1', format.ago(secondsSince(end, now)))
    : t('ends in %1', format.duration((Date.parse(end) - now) / 1000));
}

function revokeText(key: Key, { t }: Host): string {
  const question = t('Revoke %1?', keyName(key));
  if (isOver(key)) {
    return `${question} ${t('It opens nothing any more; it leaves the list.')}`;
  }
  return key.pid === null
    ? `${question} ${t('Programs that use it are refused from then on.')}`
    : `${question} ${t('Its process makes itself a new one when it needs one.')}`;
}
