import { reduce } from '../src/core/reduce';
import type { Catalogue, Download, Library, Model, Server, ServerLoad } from '../src/core/schema';
import { INITIAL_STATE, type ConnectionStatus, type State } from '../src/core/store';
import { download, load, metrics, problem, server, snapshot } from '../src/core/testing/fixtures';
import { catalogue, made } from './catalogue';
import { PROFILES } from './profiles';
import type { World } from './store';

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
const LOADS = {
  coder: load(9.2 * GB, 41, 0.21, {
    requests: 214,
    tokens: 51_200,
    cpu_percent: 112,
    in_flight: 2,
  }),
  vision: load(3.9 * GB),
};
const BUSY = {
  coder: load(9.2 * GB, 41, 0.21, {
    ...{ requests: 214, errors: 2, tokens: 51_200, cpu_percent: 112, in_flight: 2, queued: 3 },
    ...{ first_token_p50: 0.21, first_token_p95: 0.48 },
  }),
  assistant: load(3.9 * GB, 21, 0.12, {
    ...{ requests: 93, tokens: 18_700, cpu_percent: 64, in_flight: 1 },
    ...{ first_token_p50: 0.12, first_token_p95: 0.19 },
  }),
};
const MANY = Array.from({ length: 20 }, (_, i) =>
  server(`a-rather-long-server-name-${String(i + 1)}`, { port: 10240 + i }),
);

const DAY_MS = 86_400_000;
const ago = (days: number) => new Date(Date.now() - days * DAY_MS).toISOString();
const library = (models: number, bytes: number, partial = 0): Library => ({
  version: 1,
  models,
  size_bytes: bytes,
  partial_bytes: partial,
  free_bytes: 200e9,
});
const READY: Catalogue = {
  state: 'ready',
  models: 10_000,
  synced_at: ago(0.1),
  offline: false,
  error: null,
};
const HERE = { local: true, complete: true };
const MOCK_MODELS: readonly Model[] = [
  made('mlx-community/Qwen3-8B-4bit', 8.2, 4, { capabilities: ['tools', 'reasoning'] }),
  made('mlx-community/Qwen3-8B-4bit-DWQ', 8.2, 4),
  made('mlx-community/Qwen3-8B-8bit', 8.2, 8, {
    ...HERE,
    used_at: ago(2),
    fit: 'tight',
    spare_bytes: 1.9 * GB,
    capabilities: ['tools'],
  }),
  made('mlx-community/Qwen3-32B-bf16', 32.8, 16, { capabilities: ['tools', 'reasoning'] }),
];
const LOCAL_MODELS: readonly Model[] = [
  made('mlx-community/Qwen3-Coder-14B-4bit', 14.8, 4, {
    ...HERE,
    used_at: ago(0),
    servers: ['coder'],
    capabilities: ['tools'],
    profiles: ['coder'],
  }),
  ...MOCK_MODELS.slice(2, 3),
  made('mlx-community/Qwen3-VL-4B-4bit', 4, 4, {
    ...HERE,
    used_at: ago(30),
    capabilities: ['vision', 'tools'],
  }),
  made('mlx-community/gemma-3-27b-it-4bit', 27, 4, {
    local: true,
    partial_bytes: 1.2e9,
    capabilities: ['vision'],
  }),
  made('mlx-community/bge-m3-mlx-fp16', 0.57, 16, {
    ...HERE,
    used_at: ago(90),
    capabilities: ['embeddings'],
  }),
  made('/Users/me/models/my-finetune', 8.2, 4, { ...HERE, author: null, used_at: null }),
  made('mlx-community/SomeNewArch-9B-4bit', 9, 4, {
    ...HERE,
    engine_problem: 'mlx-lm 0.30 does not know the architecture new_arch.',
  }),
];
const REFUSED = problem('The network dropped.', { hint: 'It goes on by itself.' });
const DOWNLOADS: readonly Download[] = [
  download('d1'),
  download('d2', { model: 'mlx-community/gemma-3-12b-it-4bit', state: 'paused' }),
  download('d3', {
    model: 'mlx-community/Mistral-Small-3.2-24B-4bit',
    state: 'queued',
    retry_at: new Date(Date.now() + 12_000).toISOString(),
    error: REFUSED,
  }),
  download('d4', { model: 'mlx-community/gpt-oss-20b-MXFP4-Q8', state: 'queued', bytes_done: 0 }),
  download('d5', { model: 'mlx-community/Qwen3-4B-4bit', state: 'verifying', bytes_done: 2.3e9 }),
  download('d6', {
    model: 'mlx-community/Llama-3.2-3B-Instruct-4bit',
    state: 'failed',
    error: problem('Its owner has to let you in first.', {
      hint: 'Accept the terms at huggingface.co/mlx-community/Llama-3.2-3B-Instruct-4bit.',
    }),
  }),
  download('d7', { model: 'mlx-community/Qwen3-1.7B-4bit', bytes_total: null, bytes_done: 0 }),
  download('d8', {
    model: 'mlx-community/Qwen3-0.6B-4bit',
    state: 'done',
    bytes_total: 0.4e9,
    finished_at: ago(0.01),
  }),
  download('d9', { model: 'mlx-community/Qwen3-0.6B-8bit', state: 'cancelled' }),
];
const HUB = { source: 'hub' } as const;
const MOCK = state([server('coder'), VISION, FAILED], LOADS);
const WITH_MODELS: State = { ...MOCK, library: library(11, 48.2e9), catalogue: READY };
const QUIET: State = { ...state([]), library: library(7, 31.4e9, 2.1e9), catalogue: READY };

const OF_CODER = { profile: 'coder', pinned: true, restart_to_apply: true } as const;
const MOODS = state(
  [
    server('coder', { ...OF_CODER, health: 'busy' }),
    server('silent', { health: 'silent', port: 10242, restarts: 2 }),
    server('idle', {
      port: 10243,
      idle_unload_seconds: 1200,
      last_used_at: new Date(Date.now() - 300_000).toISOString(),
    }),
    server('studio', {
      engine: 'remote',
      model: 'Qwen3-235B-A22B-4bit',
      pid: null,
      port: null,
      base_url: 'http://studio.local:8888/mlx-manager/v1',
    }),
    server('crashing', {
      state: 'failed',
      restarts: 1,
      retry_at: new Date(Date.now() + 8000).toISOString(),
      error: problem('mlx_lm.server ended by itself (signal 11).', {
        code: 'engine_crashed',
        hint: 'See the log.',
      }),
    }),
    server('damaged', {
      state: 'failed',
      error: problem('A weight file is damaged: unexpected end of file.', {
        code: 'corrupt_weights',
        hint: 'Download the model again.',
      }),
    }),
    server('large', {
      state: 'failed',
      error: problem('It needs 71 GB, and 16.6 of 48 GB are free.', {
        code: 'not_enough_memory',
        candidates: ['mlx-community/Qwen3-32B-4bit'],
      }),
    }),
  ],
  LOADS,
);
const WITH_PROFILES: State = {
  ...state([server('coder', OF_CODER), { ...FAILED, profile: 'draft-test' }], LOADS),
  profiles: PROFILES,
  catalogue: READY,
};

const MEASURED = state([server('coder'), server('assistant', { port: 10241 })], BUSY);

export const STATES: Readonly<Record<string, World>> = {
  mock: {
    state: { ...WITH_MODELS, profiles: PROFILES.slice(0, 2), downloads: [download('d1')] },
    models: MOCK_MODELS,
    start: { ...HUB, q: 'qwen3 8b 4bit'.slice(0, 5) },
  },
  local: {
    state: { ...QUIET, servers: [server('coder')], library: library(7, 31.4e9) },
    models: LOCAL_MODELS,
  },
  details: {
    state: QUIET,
    models: MOCK_MODELS,
    start: { ...HUB, press: ['Details of Qwen3-8B-4bit'] },
  },
  deleting: {
    state: QUIET,
    models: LOCAL_MODELS,
    start: { press: ['Details of Qwen3-8B-8bit', 'Delete Qwen3-8B-8bit', 'Delete'] },
  },
  downloads: { state: { ...QUIET, downloads: DOWNLOADS }, models: MOCK_MODELS, start: HUB },
  first: { state: { ...state([]), catalogue: READY }, models: [] },
  nothing: {
    state: QUIET,
    models: MOCK_MODELS,
    start: { ...HUB, press: ['vision', 'embeddings'] },
  },
  error: { state: QUIET, refusal: 'The Hugging Face Hub does not answer.', start: HUB },
  syncing: {
    state: { ...QUIET, catalogue: { ...READY, state: 'syncing', models: 3000, synced_at: null } },
    silent: true,
    start: HUB,
  },
  offline: {
    state: { ...QUIET, catalogue: { ...READY, offline: true, synced_at: ago(3) } },
    models: MOCK_MODELS,
    start: HUB,
  },
  many_models: {
    state: { ...QUIET, library: library(1000, 4e12) },
    models: catalogue(10_000).map((one, index) => (index < 1000 ? { ...one, ...HERE } : one)),
    start: HUB,
  },
  profiles: {
    state: WITH_PROFILES,
    models: LOCAL_MODELS,
    start: { press: ['More about summarise-8b', 'Start summarise-8b'] },
  },
  measured: { state: MEASURED },
  measured_saved: { state: { ...MEASURED, connection: { status: 'saved', problem: null } } },
  unmeasured: { state: MEASURED, refusal: 'The extension is older than this page.' },
  moods: { state: MOODS, models: [] },
  new_profile: {
    state: WITH_PROFILES,
    models: LOCAL_MODELS,
    start: { press: ['New profile'] },
  },
  edit_profile: {
    state: WITH_PROFILES,
    models: LOCAL_MODELS,
    start: { press: ['More about summarise-8b', 'Edit summarise-8b'] },
  },
  rename_profile: {
    state: WITH_PROFILES,
    models: LOCAL_MODELS,
    start: { press: ['More about coder', 'Rename coder'] },
  },
  delete_profile: {
    state: WITH_PROFILES,
    models: LOCAL_MODELS,
    start: { press: ['More about coder', 'Delete coder', 'Delete'] },
  },
  keys: { state: WITH_PROFILES, models: [], start: { press: ['Keys', 'Revoke my editor'] } },
  new_key: { state: WITH_PROFILES, models: [], start: { press: ['New key'] } },
  fresh: {
    state: state(
      [
        server('assistant', { started_at: new Date().toISOString() }),
        { ...VISION, state: 'starting', progress: null, size_bytes: null },
        server('leaving', { state: 'stopping' }),
      ],
      { assistant: load(0.4 * GB) },
    ),
  },
  empty: { state: state([]) },
  reconnecting: { state: state([server('coder')], LOADS, 'reconnecting') },
  saved: { state: state([server('coder'), FAILED], LOADS, 'saved') },
  connecting: { state: INITIAL_STATE },
  refused: {
    state: {
      ...INITIAL_STATE,
      connection: {
        status: 'refused',
        problem: problem('The MLX extension is not enabled.', {
          hint: 'Run `jupyter server extension enable mlx_manager_jupyter` and restart Jupyter.',
        }),
      },
    },
  },
  many: {
    state: state(
      MANY,
      Object.fromEntries(MANY.map(({ name }, i) => [name, load(1.2 * GB, 12 * i, 0.05 * i)])),
    ),
  },
};
