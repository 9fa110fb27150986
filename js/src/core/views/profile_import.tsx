import type { JSX } from 'preact';
import { useRef } from 'preact/hooks';

import { useHost } from '../host';
import { ProblemError } from '../problem';
import type { RowNotes } from '../row_notes';

/** Imports profiles from files, chosen or dropped; the note says how it went. */
export function useImport(
  notes: RowNotes,
  note: string,
): {
  readonly take: (files: readonly File[]) => Promise<void>;
  readonly choose: () => void;
  /** Stands somewhere in the page, unseen. */
  readonly input: JSX.Element;
} {
  const { t } = useHost();
  const chooser = useRef<HTMLInputElement>(null);
  const take = async (files: readonly File[]) => {
    for (const file of files) {
      const document = parsed(await file.text());
      if (document === undefined) {
        const { problem } = new ProblemError({
          code: 'invalid_value',
          message: t('%1 holds no profiles: it is not JSON.', file.name),
        });
        notes.say(note, { kind: 'failed', problem });
        return;
      }
      const done = await notes.run(
        note,
        { command: 'import_profiles', document },
        {
          said: (profiles) => t('Imported: %1.', profiles.map(({ name }) => name).join(', ')),
        },
      );
      if (!done) {
        return;
      }
    }
  };
  const input = (
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
  );
  return { take, choose: () => chooser.current?.click(), input };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
