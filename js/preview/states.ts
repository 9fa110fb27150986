import { reduce } from '../src/core/reduce';
import type { Server, ServerLoad } from '../src/core/schema';
import { INITIAL_STATE, type ConnectionStatus, type State } from '../src/core/store';
import { load, metrics, problem, server, snapshot } from '../src/core/testing/fixtures';

const GB = 2 ** 30;

function state(
  servers: readonly Server[],
  loads: Readonly<Record<string, ServerLoad>> = {},
  status: ConnectionStatus = 'live',
): State {
  const wave = (peak: number) =>
    Array.from({ length: 60 }, (_, i) => peak * Math.min(1, i / 20) * (0.8 + 0.2 * Math.sin(i)));
  const history = Object.fromEntries(
    Object.entries(loads).map(([name, one]) => [name, wave(one.tokens_per_second)]),
  );
  const event = snapshot(servers, { metrics: metrics(loads), history });
  return { ...reduce(INITIAL_STATE, event), connection: { status, problem: null } };
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
  error: problem('Out of memory while loading.', { hint: 'Try the 4-bit build (7.9 GB).' }),
});
const LOADS = { coder: load(9.2 * GB, 41, 0.21), vision: load(3.9 * GB) };
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
    { assistant: load(0.4 * GB) },
  ),
  empty: state([]),
  reconnecting: state([server('coder')], LOADS, 'reconnecting'),
  saved: state([server('coder'), FAILED], LOADS, 'saved'),
  connecting: INITIAL_STATE,
  refused: {
    ...INITIAL_STATE,
    connection: {
      status: 'refused',
      problem: problem('The MLX extension is not enabled.', {
        hint: 'Run `jupyter server extension enable mlx_manager_jupyter` and restart Jupyter.',
      }),
    },
  },
  many: state(
    MANY,
    Object.fromEntries(MANY.map(({ name }, i) => [name, load(1.2 * GB, 12 * i, 0.05 * i)])),
  ),
};
