import { Badge, type Tone } from '../components/badge';
import { secondsSince } from '../format';
import { useHost, type Host } from '../host';
import type { Server, ServerLoad } from '../schema';

interface Mark {
  readonly text: string;
  readonly tone?: Tone;
  readonly title?: string;
}

/** What a ready server's figures don't say: what is unusual about it, first what wants attention. */
export function ServerMarks(props: {
  readonly server: Server;
  readonly load: ServerLoad | undefined;
  readonly now: number;
}) {
  const marks = marksOf(props.server, props.load, props.now, useHost());
  return marks.length === 0 ? null : (
    <span class="mlxm-badges">
      {marks.map((mark) => (
        <Badge key={mark.text} {...mark} />
      ))}
    </span>
  );
}

function marksOf(
  server: Server,
  load: ServerLoad | undefined,
  now: number,
  { t, format }: Host,
): readonly Mark[] {
  const marks: Mark[] = [];
  if (server.health === 'silent') {
    marks.push({
      text: t('does not answer'),
      tone: 'no',
      title: t('It should answer, and does not. The log may say why.'),
    });
  }
  if (server.restart_to_apply) {
    marks.push({
      text: t('profile was changed'),
      tone: 'warn',
      title: t('It runs as it was started. Restart it to apply what was changed.'),
    });
  }
  if (server.restarts > 0) {
    const times = server.restarts === 1 ? t('once') : t('%1 times', server.restarts);
    marks.push({ text: t('restarted %1', times), tone: 'warn', title: t('After a failure.') });
  }
  if (server.health === 'busy') {
    marks.push({ text: t('busy'), title: t('It works on a request and answers nothing else.') });
  }
  if (server.pinned) {
    marks.push({ text: t('pinned'), title: t('Never ended to make room for another model.') });
  }
  const left = idleLeft(server, load, now);
  if (left !== null) {
    marks.push({
      text: t('unloads in %1', format.duration(left)),
      title: t('Unless somebody asks it something.'),
    });
  }
  return marks;
}

/** Seconds until it is ended for want of requests; null when it is not, or works. */
function idleLeft(server: Server, load: ServerLoad | undefined, now: number): number | null {
  const since = server.last_used_at ?? server.started_at;
  if (server.idle_unload_seconds === null || since === null || (load?.in_flight ?? 0) > 0) {
    return null;
  }
  return Math.max(0, server.idle_unload_seconds - secondsSince(since, now));
}

/** `:10240`, or of a remote one the host. */
export function whereItIs({ port, base_url: url }: Server): string | null {
  if (url !== null) {
    return URL.canParse(url) ? new URL(url).host : url;
  }
  return port === null ? null : `:${String(port)}`;
}
