import { useCallback, useEffect, useRef, useState } from 'preact/hooks';

import type { Keys } from './host';
import { problemOf } from './problem';
import type { Key, Problem } from './schema';

export interface KeyList {
  /** Null until they could be read once. */
  readonly all: readonly Key[] | null;
  /** Why they could not be read now. */
  readonly problem: Problem | null;
  readonly read: () => Promise<void>;
}

/** The keys while somebody looks. No event tells of them: the window's focus is when to ask again. */
export function useKeys(keys: Keys, watched: boolean): KeyList {
  const [all, setAll] = useState<readonly Key[] | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const reading = useRef<AbortController | null>(null);
  const read = useCallback(async () => {
    // The answer to the last question counts.
    reading.current?.abort();
    const { signal } = (reading.current = new AbortController());
    try {
      const found = await keys.list(signal);
      if (!signal.aborted) {
        setAll(found);
        setProblem(null);
      }
    } catch (thrown) {
      if (!signal.aborted) {
        setProblem(problemOf(thrown));
      }
    }
  }, [keys]);
  useEffect(() => {
    if (!watched) {
      return undefined;
    }
    const readAgain = () => void read();
    readAgain();
    window.addEventListener('focus', readAgain);
    return () => {
      window.removeEventListener('focus', readAgain);
      reading.current?.abort();
    };
  }, [read, watched]);
  return { all, problem, read };
}
