import { ProblemError } from '../problem';
import type {
  Download,
  Fit,
  Key,
  Metrics,
  Model,
  Problem,
  Profile,
  ProfileCheck,
  Server,
  ServerLoad,
  Snapshot,
} from '../schema';
import { INITIAL_STATE } from '../store';

/** As `Format` counts memory; the weights of the made-up servers don't mind. */
const GB = 2 ** 30;

/** A ready server; say what is different about yours. */
export function server(name: string, more: Partial<Server> = {}): Server {
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
    note: null,
    error: null,
    engine_version: '0.32.2',
    base_url: null,
    pinned: false,
    restart_to_apply: false,
    restarts: 0,
    retry_at: null,
    last_used_at: null,
    idle_unload_seconds: null,
    health: 'ok',
    ...more,
  };
}

/** A server that does nothing but hold memory; say what is different about yours. */
export function load(
  memoryBytes: number | null,
  rate = 0,
  firstToken: number | null = null,
  more: Partial<ServerLoad> = {},
): ServerLoad {
  return {
    memory_bytes: memoryBytes,
    cpu_percent: null,
    in_flight: 0,
    queued: 0,
    tokens_per_second: rate,
    first_token_seconds: firstToken,
    first_token_p50: firstToken,
    first_token_p95: firstToken,
    requests: 0,
    errors: 0,
    tokens: 0,
    ...more,
  };
}

/** A sample of a machine with 48 GB, 16.6 of them free. */
export function metrics(servers: Metrics['servers'] = {}, more: Partial<Metrics> = {}): Metrics {
  const all = Object.values(servers);
  const sum = (of: (one: ServerLoad) => number | null) =>
    all.reduce((total, one) => total + (of(one) ?? 0), 0);
  return {
    time: new Date().toISOString(),
    memory: {
      total_bytes: 48 * GB,
      used_bytes: 31.4 * GB,
      available_bytes: 16.6 * GB,
      pressure: 'normal',
      gpu_bytes: null,
    },
    cpu_percent: null,
    servers,
    total: load(
      sum((one) => one.memory_bytes),
      sum((one) => one.tokens_per_second),
      null,
      {
        in_flight: sum((one) => one.in_flight),
        queued: sum((one) => one.queued),
        requests: sum((one) => one.requests),
        errors: sum((one) => one.errors),
        tokens: sum((one) => one.tokens),
      },
    ),
    ...more,
  };
}

export function snapshot(servers: readonly Server[], more: Partial<Snapshot> = {}): Snapshot {
  return {
    type: 'snapshot',
    id: 'a-1',
    hardware: { chip: 'Apple M4 Pro', system: 'macOS 26', cores: 14, memory_bytes: 48 * GB },
    gateway_url: 'http://127.0.0.1:10239/v1',
    servers,
    profiles: [],
    downloads: [],
    engines: [],
    engine_jobs: [],
    library: INITIAL_STATE.library,
    catalogue: INITIAL_STATE.catalogue,
    metrics: metrics(),
    history: {},
    ...more,
  };
}

/** A named key for everything that was never used; say what is different about yours. */
export function gatewayKey(id: string, more: Partial<Key> = {}): Key {
  return {
    id,
    label: id,
    created_at: new Date().toISOString(),
    pid: null,
    notebook: null,
    expires_at: null,
    profiles: [],
    requests_per_minute: null,
    last_used_at: null,
    ...more,
  };
}

export function problem(message: string, more: Partial<Problem> = {}): Problem {
  return new ProblemError({ code: 'internal', message, ...more }).problem;
}

/** A model of the Hub that fits, as a row of the catalogue; say what is different about yours. */
export function model(id: string, more: Partial<Model> = {}): Model {
  return {
    id,
    author: id.split('/')[0] ?? null,
    revision: 'a5339a4131f135d0fdc6a5c8b5bbed2753bbe0f3',
    local: false,
    complete: false,
    path: null,
    size_bytes: 4.6e9,
    estimated_bytes: null,
    partial_bytes: 0,
    parameters: 8.2e9,
    bits: 4,
    quantization: null,
    family: 'Qwen',
    model_type: 'qwen3',
    context_length: 40960,
    capabilities: [],
    evidence: {},
    license: 'apache-2.0',
    gated: false,
    base_model: 'Qwen/Qwen3-8B',
    engine: 'mlx-lm',
    engine_problem: null,
    flags: {},
    downloads: 123_456,
    likes: 42,
    updated_at: '2025-05-01T10:00:00Z',
    used_at: null,
    profiles: [],
    servers: [],
    fit: 'fits',
    needed_bytes: 5.6 * GB,
    spare_bytes: 11 * GB,
    files: [],
    ...more,
  };
}

/** A download that runs: 62 % of 4.6 GB. */
export function download(id: string, more: Partial<Download> = {}): Download {
  return {
    id,
    model: 'mlx-community/Qwen3-8B-4bit-DWQ',
    revision: null,
    state: 'running',
    bytes_done: 2.85e9,
    bytes_total: 4.6e9,
    rate: 84e6,
    eta_seconds: 21,
    files_done: 1,
    files_total: 3,
    created_at: new Date(Date.now() - 60_000).toISOString(),
    finished_at: null,
    retry_at: null,
    error: null,
    ...more,
  };
}

/** 5.6 GB are needed of 16.6 that are free. */
export function fit(model: string, more: Partial<Fit> = {}): Fit {
  return {
    model,
    verdict: 'fits',
    weights_bytes: 4.3 * GB,
    cache_bytes: 0.7 * GB,
    overhead_bytes: 0.6 * GB,
    needed_bytes: 5.6 * GB,
    available_bytes: 16.6 * GB,
    total_bytes: 48 * GB,
    spare_bytes: 11 * GB,
    context_length: 8192,
    concurrency: 1,
    kv_bits: null,
    measured: 0,
    reason: 'It fits.',
    alternative: null,
    ...more,
  };
}

/** A profile with nothing set but what it must have; say what is different about yours. */
export function profile(name: string, more: Partial<Profile> = {}): Profile {
  return {
    name,
    model: 'mlx-community/Qwen3-Coder-14B-4bit',
    description: '',
    revision: null,
    engine: 'auto',
    model_type: 'auto',
    aliases: [],
    host: '127.0.0.1',
    host_confirmed: false,
    port: null,
    system_prompt: null,
    context_length: null,
    max_tokens: null,
    temperature: null,
    top_p: null,
    top_k: null,
    min_p: null,
    repetition_penalty: null,
    seed: null,
    tool_call_parser: null,
    reasoning_parser: null,
    message_converter: null,
    enable_auto_tool_choice: false,
    chat_template_file: null,
    chat_template_args: null,
    trust_remote_code: false,
    adapter_path: null,
    draft_model: null,
    num_draft_tokens: null,
    prompt_cache_size: null,
    prompt_cache_bytes: null,
    kv_bits: null,
    kv_group_size: null,
    quantized_kv_start: null,
    decode_concurrency: null,
    prompt_concurrency: null,
    prefill_step_size: null,
    max_concurrency: null,
    queue_size: null,
    queue_timeout: null,
    log_level: null,
    auto_start: false,
    on_demand: true,
    idle_unload_seconds: null,
    pinned: false,
    restart: 'on-failure',
    env: {},
    extra_args: [],
    distributed: null,
    command: [],
    ready_path: '/v1/models',
    base_url: null,
    api_key_env: null,
    ...more,
  };
}

/** All is well: mlx-lm runs it, and honours what it does. */
export function profileCheck(more: Partial<ProfileCheck> = {}): ProfileCheck {
  return {
    problems: [],
    engine: 'mlx-lm',
    honoured: [...HONOURED],
    suggestions: [],
    notes: [],
    affects: [],
    ...more,
  };
}

/** What mlx-lm 0.32 honours, as its adapter says, less a few that no test needs. */
const HONOURED = [
  ...[
    'name',
    'description',
    'model',
    'revision',
    'engine',
    'model_type',
    'host',
    'port',
    'aliases',
  ],
  ...['host_confirmed', 'env', 'extra_args', 'auto_start', 'on_demand', 'idle_unload_seconds'],
  ...[
    'pinned',
    'restart',
    'context_length',
    'max_tokens',
    'temperature',
    'top_p',
    'top_k',
    'min_p',
  ],
  ...['chat_template_file', 'chat_template_args', 'trust_remote_code', 'adapter_path'],
  ...['draft_model', 'num_draft_tokens', 'prompt_cache_size', 'prompt_cache_bytes', 'kv_bits'],
  ...['kv_group_size', 'quantized_kv_start', 'decode_concurrency', 'prompt_concurrency'],
  ...['prefill_step_size', 'log_level', 'system_prompt', 'repetition_penalty', 'seed'],
  'distributed',
];
