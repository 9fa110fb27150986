import { reduce } from '../src/core/reduce';
import type { Server, ServerLoad, Snapshot } from '../src/core/schema';
import { INITIAL_STATE, type State } from '../src/core/store';

const GB = 1e9;

function server(name: string, more: Partial<Server> = {}): Server {
  return {
    name,
    model: 'mlx-community/Qwen3-Coder-14B-4bit',
    engine: 'mlx-lm',
    state: 'ready',
    pid: 4711,
    port: 10240,
    profile: null,
    revision: null,
    aliases: [],
    size_bytes: 9.1 * GB,
    keep: false,
    started_at: new Date(Date.now() - 72 * 60_000).toISOString(),
    ready_seconds: 3.1,
    progress: null,
    error: null,
    ...more,
  };
}

function load(memory: number | null, rate: number, first: number | null): ServerLoad {
  return {
    memory_bytes: memory,
    in_flight: 0,
    tokens_per_second: rate,
    first_token_seconds: first,
  };
}

function state(
  servers: readonly Server[],
  loads: Record<string, ServerLoad> = {},
  connection: State['connection']['status'] = 'live',
): State {
  const wave = (peak: number) =>
    Array.from({ length: 60 }, (_, i) => peak * Math.min(1, i / 20) * (0.8 + 0.2 * Math.sin(i)));
  const snapshot: Snapshot = {
    type: 'snapshot',
    id: 'a-1',
    hardware: { chip: 'Apple M4 Pro', system: 'macOS 26', cores: 14, memory_bytes: 48 * GB },
    gateway_url: 'http://127.0.0.1:10239/v1',
    servers,
    profiles: [],
    metrics: {
      time: new Date().toISOString(),
      memory: { total_bytes: 48 * GB, used_bytes: 31.4 * GB, available_bytes: 16.6 * GB },
      servers: loads,
    },
    history: Object.fromEntries(
      Object.entries(loads).map(([name, { tokens_per_second: rate }]) => [name, wave(rate)]),
    ),
  };
  return { ...reduce(INITIAL_STATE, snapshot), connection: { status: connection, problem: null } };
}

const VISION = server('vision', {
  model: 'mlx-community/Qwen3-VL-4B-4bit',
  port: 10241,
  state: 'loading',
  size_bytes: 3.9 * GB,
  started_at: new Date(Date.now() - 7000).toISOString(),
  progress: { stage: 'loading weights', done_bytes: 2.4 * GB, total_bytes: 3.9 * GB },
});
const FAILED = server('draft-test', {
  state: 'failed',
  error: {
    code: 'out_of_memory',
    message: 'Out of memory while loading.',
    hint: 'Try the 4-bit build (7.9 GB).',
    log_tail: [],
  },
});
const LOADS = { coder: load(9.2 * GB, 41, 0.21), vision: load(3.9 * GB, 0, null) };
const MANY = Array.from({ length: 20 }, (_, i) =>
  server(`a-rather-long-server-name-${String(i + 1)}`, { port: 10240 + i }),
);

export const STATES: Readonly<Record<string, State>> = {
  mock: state([server('coder'), VISION, FAILED], LOADS),
  fresh: state(
    [
      server('assistant', { started_at: new Date().toISOString() }),
      { ...VISION, state: 'starting', progress: null, size_bytes: null },
      server('leaving', { state: 'stopping' }),
    ],
    { assistant: load(0.4 * GB, 0, null) },
  ),
  empty: state([]),
  reconnecting: state([server('coder')], LOADS, 'reconnecting'),
  saved: state([server('coder'), FAILED], LOADS, 'saved'),
  connecting: INITIAL_STATE,
  refused: {
    ...INITIAL_STATE,
    connection: {
      status: 'refused',
      problem: {
        code: 'not_enabled',
        message: 'The MLX extension is not enabled.',
        hint: 'JupyterLab has it, the Jupyter server does not. Run `jupyter server extension enable mlx_manager_jupyter` and restart Jupyter.',
        log_tail: [],
      },
    },
  },
  many: state(
    MANY,
    Object.fromEntries(MANY.map(({ name }, i) => [name, load(1.2 * GB, 12 * i, 0.05 * i)])),
  ),
};
