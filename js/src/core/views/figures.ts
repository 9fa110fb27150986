import type { Server, ServerState } from '../schema';
import type { State } from '../store';

/** Holds memory now, or is about to. */
export function isRunning(server: Server): boolean {
  return server.state !== 'failed' && server.state !== 'stopped';
}

/** All servers in one line. */
export interface Totals {
  readonly running: number;
  readonly tokensPerSecond: number;
  readonly memoryBytes: number;
  /** The state that deserves attention most. */
  readonly state: ServerState;
}

const BY_ATTENTION: readonly ServerState[] = ['failed', 'loading', 'starting', 'stopping', 'ready'];

export function totals(state: State): Totals {
  const loads = Object.values(state.metrics?.servers ?? {});
  const states = new Set(state.servers.map((server) => server.state));
  return {
    running: state.servers.filter(isRunning).length,
    tokensPerSecond: loads.reduce((sum, load) => sum + load.tokens_per_second, 0),
    memoryBytes: loads.reduce((sum, load) => sum + (load.memory_bytes ?? 0), 0),
    state: BY_ATTENTION.find((candidate) => states.has(candidate)) ?? 'stopped',
  };
}
