import { TextButton } from '../components/button';
import { shortModel } from '../format';
import { useHost, type Host } from '../host';
import type { RowNotes } from '../row_notes';
import type { Server } from '../schema';
import type { Command } from '../store';
import { MemoryChoices } from './memory_refused';

/** Failures that fetching the files again mends: what is whole is not fetched twice. */
const MENDED_BY_DOWNLOAD: ReadonlySet<string> = new Set([
  'no_weights',
  'corrupt_weights',
  'model_unusable',
]);

/** Failures that another value in the profile mends. */
const MENDED_BY_EDITING: ReadonlySet<string> = new Set([
  'invalid_value',
  'unknown_field',
  'unsupported_field',
  'port_taken',
  'engine_missing',
  'unsupported_model',
]);

/** What a failure suggests, as buttons; nothing where only the log, or a terminal, helps. */
export function NextSteps(props: {
  readonly server: Server;
  readonly notes: RowNotes;
  /** Whose note says how it went; the server's own by default. */
  readonly noteKey?: string;
}) {
  const { server, notes } = props;
  const { t, openProfile } = useHost();
  const { name, model, profile } = server;
  const code = server.error?.code ?? '';
  const note = props.noteKey ?? name;
  const send = (command: Command<'serve'>) => notes.run(note, command);
  if (server.error !== null && code === 'not_enough_memory') {
    const wanted: Command<'serve'> = {
      command: 'serve',
      name,
      ...(profile === null ? { model } : { profile }),
    };
    return <MemoryChoices problem={server.error} wanted={wanted} send={send} />;
  }
  const smaller = code === 'out_of_memory' ? server.error?.candidates[0] : undefined;
  const download = MENDED_BY_DOWNLOAD.has(code) && isRepo(model);
  const edit = MENDED_BY_EDITING.has(code) && profile !== null && openProfile !== undefined;
  if (smaller === undefined && !download && !edit) {
    return null;
  }
  return (
    <span class="mlxm-actions">
      {smaller !== undefined && (
        <TextButton
          text={t('Serve %1 instead', shortModel(smaller))}
          label={t('Serve %1 instead', shortModel(smaller))}
          onPress={() => send({ command: 'serve', model: smaller })}
        />
      )}
      {download && (
        <TextButton
          text={t('Download again')}
          label={t('Download again: %1', shortModel(model))}
          onPress={() =>
            notes.run(
              note,
              {
                command: 'download',
                wanted: { model, ...(server.revision !== null && { revision: server.revision }) },
              },
              { said: () => t('What is missing or damaged is being fetched.') },
            )
          }
        />
      )}
      {edit && (
        <TextButton
          text={t('Edit profile')}
          label={t('Edit the profile %1', profile)}
          onPress={() => {
            openProfile({ name: profile });
          }}
        />
      )}
    </span>
  );
}

/** A repo of the Hub; a folder of the user's own is nobody else's to mend. */
function isRepo(model: string): boolean {
  return /^[^/\\~.][^/\\]*\/[^/\\]+$/.test(model);
}

/** `tries again in 8 s · 2nd time`. */
export function retryText(at: string, restarts: number, now: number, { t, format }: Host): string {
  const left = Math.max(0, Math.ceil((Date.parse(at) - now) / 1000));
  const again = t('tries again in %1', format.duration(left));
  return restarts === 0 ? again : `${again} · ${t('%1 time', ordinal(restarts + 1))}`;
}

function ordinal(count: number): string {
  const rule = new Intl.PluralRules('en', { type: 'ordinal' }).select(count);
  const ends: Readonly<Record<string, string>> = { one: 'st', two: 'nd', few: 'rd' };
  return `${String(count)}${ends[rule] ?? 'th'}`;
}
