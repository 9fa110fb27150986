import type { JSX } from 'preact';
import { useRef, useState } from 'preact/hooks';

import { TextButton } from '../components/button';
import { useHost, type Host } from '../host';
import { ProblemError, problemOf } from '../problem';
import type { RowNotes } from '../row_notes';
import type { ImportedProfile, Problem } from '../schema';
import type { Store } from '../store';

/** A document with names that are taken, and what the extension says of them. */
interface Conflict {
  readonly document: unknown;
  readonly problem: Problem;
}

/** Imports profiles from files, chosen or dropped; the note says how it went. */
export function useImport(
  store: Store,
  notes: RowNotes,
  note: string,
): {
  readonly take: (files: readonly File[]) => Promise<void>;
  readonly choose: () => void;
  /** What stands in the page: a chooser, unseen, and the question when names are taken. */
  readonly view: JSX.Element;
} {
  const host = useHost();
  const { t } = host;
  const chooser = useRef<HTMLInputElement>(null);
  const [conflict, setConflict] = useState<Conflict | null>(null);
  const failed = (problem: Problem) => {
    notes.say(note, { kind: 'failed', problem });
  };
  const send = async (document: unknown, on_conflict?: 'replace' | 'rename') => {
    setConflict(null);
    try {
      const done = await store.send({
        command: 'import_profiles',
        document,
        ...(on_conflict && { on_conflict }),
      });
      notes.say(note, { kind: 'said', text: outcomeText(done, host) });
    } catch (thrown) {
      const problem = problemOf(thrown);
      if (problem.code === 'name_taken') {
        notes.dismiss(note);
        setConflict({ document, problem });
      } else {
        failed(problem);
      }
    }
  };
  const take = async (files: readonly File[]) => {
    for (const file of files) {
      const document = parsed(await file.text());
      if (document === undefined) {
        const message = t('%1 holds no profiles: it is not JSON.', file.name);
        failed(new ProblemError({ code: 'invalid_value', message }).problem);
        return;
      }
      await send(document);
    }
  };
  const view = (
    <>
      <input
        ref={chooser}
        type="file"
        accept=".json,application/json"
        hidden
        onChange={({ currentTarget }) => {
          const files = [...(currentTarget.files ?? [])];
          // The same file can be chosen again.
          currentTarget.value = '';
          void take(files);
        }}
      />
      {conflict && (
        <div class="mlxm-refusal" role="alert">
          <span>{conflict.problem.message}</span>
          <span class="mlxm-actions">
            <TextButton
              text={t('Keep both')}
              label={t('Keep both')}
              onPress={() => send(conflict.document, 'rename')}
            />
            <TextButton
              text={t('Replace')}
              label={t('Replace')}
              look="danger"
              onPress={() => send(conflict.document, 'replace')}
            />
            <TextButton
              text={t('Cancel')}
              label={t('Cancel')}
              onPress={() => {
                setConflict(null);
              }}
            />
          </span>
        </div>
      )}
    </>
  );
  return { take, choose: () => chooser.current?.click(), view };
}

function outcomeText(done: readonly ImportedProfile[], { t }: Host): string {
  const names = done.map(({ name, did, was }) => {
    if (did === 'replaced') {
      return t('%1 (replaced)', name);
    }
    return did === 'renamed' && was !== null ? t('%1 (was %2)', name, was) : name;
  });
  return t('Imported: %1.', names.join(', '));
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
