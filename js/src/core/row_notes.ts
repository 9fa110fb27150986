import { useCallback, useState } from 'preact/hooks';

import { problemOf } from './problem';
import type { Problem } from './schema';
import type { Command, CommandName, Commands, Store } from './store';

/** What a row says about the last thing that was asked of it. */
export type RowNote =
  | { readonly kind: 'busy' | 'said'; readonly text: string }
  | {
      readonly kind: 'failed';
      readonly problem: Problem;
      /** What was asked for, to be asked in another way. */
      readonly command?: Command;
    };

/** Words around a command that takes a while, or that brings something worth saying. */
export interface Words<N extends CommandName> {
  readonly busy?: string;
  readonly said?: (result: Commands[N]['result']) => string | RowNote;
}

export interface RowNotes {
  readonly of: (key: string) => RowNote | undefined;
  readonly dismiss: (key: string) => void;
  readonly say: (key: string, note: RowNote) => void;
  /** Sends a command on behalf of a row, which then says how it went. True if it went well. */
  readonly run: <N extends CommandName>(
    key: string,
    command: Command<N>,
    words?: Words<N>,
  ) => Promise<boolean>;
}

/** Notes outlive the rows: a list of thousands draws only those in sight. */
export function useRowNotes(store: Store): RowNotes {
  const [notes, setNotes] = useState<ReadonlyMap<string, RowNote>>(new Map());
  const put = useCallback((key: string, note: RowNote | null) => {
    setNotes((old) => {
      const next = new Map(old);
      if (note) {
        next.set(key, note);
      } else {
        next.delete(key);
      }
      return next;
    });
  }, []);
  return {
    of: (key) => notes.get(key),
    dismiss: (key) => {
      put(key, null);
    },
    say: put,
    run: async (key, command, words = {}) => {
      put(key, words.busy === undefined ? null : { kind: 'busy', text: words.busy });
      try {
        const result = await store.send(command);
        const said = words.said?.(result);
        put(key, typeof said === 'string' ? { kind: 'said', text: said } : (said ?? null));
        return true;
      } catch (thrown) {
        put(key, { kind: 'failed', problem: problemOf(thrown), command: command as Command });
        return false;
      }
    },
  };
}
