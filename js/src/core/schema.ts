// Made by generate_schema.py from mlx_manager_jupyter/schema: do not edit.

/** The machine, as far as it matters for fitting models. */
export interface Hardware {
  readonly chip: string;
  readonly system: string;
  readonly cores: number;
  readonly memory_bytes: number;
}

export type EngineKind = 'mlx-lm';

export type ServerState = 'stopped' | 'starting' | 'loading' | 'ready' | 'stopping' | 'failed';

/** How far a start has come. `total_bytes` is the size of the weights on disk. */
export interface Progress {
  readonly stage: string;
  readonly done_bytes: number | null;
  readonly total_bytes: number | null;
}

/** What went wrong, in words a person can act on. Also the body of every REST error. */
export interface Problem {
  readonly code: string;
  readonly message: string;
  readonly hint: string | null;
  readonly log_tail: readonly string[];
}

/** One inference process, or what is left to say about it after it failed. */
export interface Server {
  readonly name: string;
  readonly model: string;
  readonly engine: EngineKind;
  readonly state: ServerState;
  readonly pid: number | null;
  readonly port: number | null;
  readonly profile: string | null;
  readonly revision: string | null;
  readonly aliases: readonly string[];
  readonly size_bytes: number | null;
  readonly keep: boolean;
  readonly started_at: string | null;
  /** Seconds from spawn to the first answer. */
  readonly ready_seconds: number | null;
  readonly progress: Progress | null;
  readonly error: Problem | null;
}

/** A named, saved way to run a model. Unset fields leave the engine's own default alone. */
export interface Profile {
  readonly name: string;
  /** A repo id of the Hugging Face cache, or a local folder. */
  readonly model: string;
  readonly description: string;
  readonly revision: string | null;
  readonly engine: 'auto' | 'mlx-lm';
  readonly host: string;
  readonly port: number | null;
  readonly aliases: readonly string[];
  readonly system_prompt: string | null;
  readonly max_tokens: number | null;
  readonly temperature: number | null;
  readonly top_p: number | null;
  readonly top_k: number | null;
  readonly min_p: number | null;
  readonly repetition_penalty: number | null;
  readonly seed: number | null;
  readonly chat_template_file: string | null;
  readonly chat_template_args: Readonly<Record<string, unknown>> | null;
  readonly trust_remote_code: boolean;
  readonly adapter_path: string | null;
  readonly draft_model: string | null;
  readonly num_draft_tokens: number | null;
  readonly prompt_cache_size: number | null;
  readonly prompt_cache_bytes: number | null;
  readonly kv_bits: 2 | 3 | 4 | 6 | 8 | null;
  readonly kv_group_size: 32 | 64 | 128 | null;
  readonly quantized_kv_start: number | null;
  readonly decode_concurrency: number | null;
  readonly prompt_concurrency: number | null;
  readonly prefill_step_size: number | null;
  readonly log_level: 'DEBUG' | 'INFO' | 'WARNING' | 'ERROR' | 'CRITICAL' | null;
  readonly env: Readonly<Record<string, string>>;
  readonly extra_args: readonly string[];
}

/** System memory at one moment. `available_bytes` can be had without swapping. */
export interface Memory {
  readonly total_bytes: number;
  readonly used_bytes: number;
  readonly available_bytes: number;
}

/** What one server does right now. */
export interface ServerLoad {
  readonly memory_bytes: number | null;
  readonly in_flight: number;
  readonly tokens_per_second: number;
  /** Of the latest request that produced a token. */
  readonly first_token_seconds: number | null;
}

/** One sample, taken once a second while somebody looks. */
export interface Metrics {
  readonly time: string;
  readonly memory: Memory;
  readonly servers: Readonly<Record<string, ServerLoad>>;
}

/** Everything a viewer needs to draw; always the first frame. */
export interface Snapshot {
  readonly type: 'snapshot';
  readonly id: string;
  readonly hardware: Hardware;
  readonly gateway_url: string;
  readonly servers: readonly Server[];
  readonly profiles: readonly Profile[];
  readonly metrics: Metrics | null;
  /** Tokens per second by server, one point a second, oldest first, at most 60. */
  readonly history: Readonly<Record<string, readonly number[]>>;
}

/** A server came up or changed. */
export interface ServerChanged {
  readonly type: 'servers.changed';
  readonly id: string;
  readonly server: Server;
}

/** A server is gone, as a process too. */
export interface ServerRemoved {
  readonly type: 'servers.removed';
  readonly id: string;
  readonly name: string;
}

/** A profile was created or edited. */
export interface ProfileChanged {
  readonly type: 'profiles.changed';
  readonly id: string;
  readonly profile: Profile;
}

/** A profile was deleted. */
export interface ProfileRemoved {
  readonly type: 'profiles.removed';
  readonly id: string;
  readonly name: string;
}

/** One sample a second; the only event that may be coalesced. */
export interface MetricsSampled {
  readonly type: 'metrics.sampled';
  readonly id: string;
  readonly metrics: Metrics;
}

/** Answer of `GET status`. */
export interface Status {
  readonly version: string;
  readonly pid: number;
  readonly hardware: Hardware;
  readonly memory: Memory;
  readonly gateway_url: string;
  readonly servers: readonly Server[];
}

/** Answer of `GET servers/{name}/logs`: the last lines, oldest first. */
export interface Logs {
  readonly name: string;
  readonly path: string;
  readonly lines: readonly string[];
}

/** One numbered frame of `GET events`. */
export type AnyEvent =
  | Snapshot
  | ServerChanged
  | ServerRemoved
  | ProfileChanged
  | ProfileRemoved
  | MetricsSampled;
