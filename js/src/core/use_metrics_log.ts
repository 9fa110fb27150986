import { useEffect, useState } from 'preact/hooks';

import { MetricsLog, type Range } from './metrics_log';
import { problemOf } from './problem';
import type { MetricsHistory, Problem } from './schema';
import type { State, Store } from './store';

/** What is there to be drawn, and how it is about the rest. */
export interface LoggedMetrics {
  /** Null until anything is known. */
  readonly log: MetricsLog | null;
  /** The range that it is of; another one is on its way when this is not what was asked for. */
  readonly range: Range;
  readonly busy: boolean;
  /** Why what was measured before this view came is not there. */
  readonly problem: Problem | null;
  readonly retry: () => void;
}

interface Got {
  readonly log: MetricsLog;
  readonly range: Range;
  readonly problem: Problem | null;
}

/**
 * Asks once for what was measured in this range, then goes on by itself with the samples of the
 * state. After a lost connection it asks again: what came meanwhile came to nobody.
 */
export function useMetricsLog(store: Store, state: State, range: Range): LoggedMetrics {
  const live = state.connection.status === 'live';
  const [got, setGot] = useState<Got | null>(null);
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    if (!live) {
      return undefined;
    }
    const life = new AbortController();
    const { metrics } = store.snapshot();
    // By the clock of the extension, which may stand on another machine.
    const now = metrics ? Date.parse(metrics.time) : Date.now();
    const since = new Date(now - range.seconds * 1000).toISOString();
    store.send({ command: 'metrics', since, step: range.step }, life.signal).then(
      (history) => {
        setGot({ log: new MetricsLog(history, range.seconds), range, problem: null });
      },
      (thrown: unknown) => {
        if (!life.signal.aborted) {
          const log = new MetricsLog(lastMinute(store.snapshot()), range.seconds);
          setGot({ log, range, problem: problemOf(thrown) });
        }
      },
    );
    return () => {
      life.abort();
    };
  }, [store, live, range, turn]);

  const saved = state.connection.status === 'saved' && got === null && state.metrics !== null;
  const shown = saved
    ? { log: new MetricsLog(lastMinute(state), range.seconds), range, problem: null }
    : got;
  if (shown && state.metrics) {
    // Known samples change nothing, so that it does no harm to draw twice.
    shown.log.add(state.metrics);
  }
  return {
    log: shown?.log ?? null,
    range: shown?.range ?? range,
    busy: live && shown?.range !== range,
    problem: shown?.problem ?? null,
    retry: () => {
      setTurn(turn + 1);
    },
  };
}

/** All that a state knows of the past: the rates behind the sparklines, one a second. */
function lastMinute({ history, metrics }: State): MetricsHistory {
  const longest = Math.max(0, ...Object.values(history).map((points) => points.length));
  // The latest of them is that of the sample, which comes by itself.
  const count = Math.max(0, longest - 1);
  const end = metrics ? Date.parse(metrics.time) / 1000 : 0;
  const times = Array.from({ length: count }, (_, index) => end - count + index);
  const servers = Object.entries(history).map(([name, points]) => {
    const past = points.slice(0, -1);
    const rates = [...new Array<null>(count - past.length).fill(null), ...past];
    return [name, { tokens_per_second: rates }] as const;
  });
  return {
    step_seconds: 1,
    times,
    total_bytes: metrics?.memory.total_bytes ?? 0,
    system: {},
    total: {},
    servers: Object.fromEntries(servers),
  };
}
