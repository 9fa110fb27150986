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
  /** What an ambiguous name could have meant, best first. */
  readonly candidates: readonly string[];
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

export type DownloadState = 'queued' | 'running' | 'paused' | 'verifying' | 'done' | 'failed' | 'cancelled';

/** One job. Two requests for the same model, revision and files are one. */
export interface Download {
  readonly id: string;
  readonly model: string;
  /** As it was asked for; the full commit once that is known. */
  readonly revision: string | null;
  readonly state: DownloadState;
  /** On disk and wanted, to the byte; what was there before the job counts too. */
  readonly bytes_done: number;
  readonly bytes_total: number | null;
  /** Bytes per second, over the last seconds; None unless it runs. */
  readonly rate: number | null;
  readonly eta_seconds: number | null;
  readonly files_done: number;
  readonly files_total: number | null;
  readonly created_at: string;
  readonly finished_at: string | null;
  /** It waits for this moment to try again; `error` says why. */
  readonly retry_at: string | null;
  readonly error: Problem | null;
}

/** The models of this machine in figures. A new `version` means: ask for the list again. */
export interface Library {
  readonly version: number;
  readonly models: number;
  readonly size_bytes: number;
  readonly partial_bytes: number;
  /** On the disk of the cache. */
  readonly free_bytes: number | null;
}

export type CatalogueState = 'absent' | 'syncing' | 'ready';

/** What is known here of the models on the Hub. */
export interface Catalogue {
  readonly state: CatalogueState;
  /** So far, while it is syncing. */
  readonly models: number;
  readonly synced_at: string | null;
  /** The setting: the Hub is never asked. */
  readonly offline: boolean;
  /** Why the last sync failed; what was there before is still searched. */
  readonly error: Problem | null;
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
  readonly downloads: readonly Download[];
  readonly library: Library;
  readonly catalogue: Catalogue;
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

/** A download was asked for, or its state changed. */
export interface DownloadChanged {
  readonly type: 'downloads.changed';
  readonly id: string;
  readonly download: Download;
}

/** A finished download was dismissed. */
export interface DownloadRemoved {
  readonly type: 'downloads.removed';
  readonly id: string;
  readonly download_id: string;
}

/** How far a running download is, four times a second at most. */
export interface DownloadProgressed {
  readonly type: 'downloads.progressed';
  readonly id: string;
  readonly download: Download;
}

/** The models of this machine are others than before. */
export interface LibraryChanged {
  readonly type: 'models.changed';
  readonly id: string;
  readonly library: Library;
}

/** The catalogue is syncing, was synced, or could not be. */
export interface CatalogueChanged {
  readonly type: 'catalogue.changed';
  readonly id: string;
  readonly catalogue: Catalogue;
}

/** One sample a second. */
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

export type ModelSource = 'local' | 'hub';

export type ModelSort = 'relevance' | 'downloads' | 'likes' | 'updated' | 'size' | 'name' | 'used';

/** Query of `GET models`: words, filters, order and page. A filter unset lets all pass. */
export interface ModelQuery {
  readonly source: ModelSource;
  readonly q: string;
  readonly author: string | null;
  readonly bits: readonly number[];
  readonly family: string | null;
  readonly vision: boolean;
  readonly tools: boolean;
  readonly reasoning: boolean;
  readonly embeddings: boolean;
  readonly audio: boolean;
  /** Only what is not known to be too large: `fits` and `tight`. */
  readonly fits: boolean;
  /** Only what is complete on this machine. */
  readonly downloaded: boolean;
  readonly sort: ModelSort;
  readonly offset: number;
  readonly limit: number;
  /** Wait, within limits, for what only the rows' own files can tell. */
  readonly details: boolean;
}

/** How the weights were made smaller. */
export interface Quantization {
  /** `mlx`, or another's, such as `awq`, `fp8` or `gptq`, which MLX can't run as it is. */
  readonly method: string;
  /** Of most weights, as the name says it. */
  readonly bits: number;
  readonly mode: string;
  readonly group_size: number | null;
  /** Some layers have other bits. */
  readonly mixed: boolean;
  /** Scales and biases included: 4-bit affine in groups of 64 is 4.5. */
  readonly bits_per_weight: number | null;
}

export type Capability = 'vision' | 'tools' | 'reasoning' | 'embeddings' | 'audio';

export type FitVerdict = 'fits' | 'tight' | 'no';

/** One file of a repo. Large files have a `sha256`; small ones are in Git. */
export interface ModelFile {
  readonly path: string;
  readonly size_bytes: number;
  readonly sha256: string | null;
}

/**
 * A repo of the Hugging Face Hub, one in the local cache, or a local folder.
 *
 * Whatever is not known is `None`: a row of the catalogue lacks what only the repo's files can
 * tell, until its details were asked for.
 */
export interface Model {
  /** Repo id, or the absolute path of a folder. */
  readonly id: string;
  readonly author: string | null;
  /** The commit: on this machine if `local`, else the latest one on the Hub. */
  readonly revision: string | null;
  /** Some of it is on this machine. */
  readonly local: boolean;
  /** All of it is, so it can be served. */
  readonly complete: boolean;
  /** The folder that can be served, if `complete`. */
  readonly path: string | null;
  /** Exact: on disk if `local`, else to download. Files that MLX does not need don't count. */
  readonly size_bytes: number | null;
  /** Only where the exact size is not known yet: a guess from parameters and bits. */
  readonly estimated_bytes: number | null;
  /** On disk in files that are not finished. */
  readonly partial_bytes: number;
  readonly parameters: number | null;
  readonly bits: number | null;
  readonly quantization: Quantization | null;
  readonly family: string | null;
  readonly model_type: string | null;
  readonly context_length: number | null;
  readonly capabilities: readonly Capability[];
  /** By the fact's name: what it was read from. */
  readonly evidence: Readonly<Record<string, string>>;
  readonly license: string | null;
  readonly gated: boolean;
  readonly base_model: string | null;
  /** The engine that can run it, whether or not it is installed. */
  readonly engine: string | null;
  /** Why the installed engine can't. */
  readonly engine_problem: string | null;
  /** Profile fields that it needs, such as `tool_call_parser`. */
  readonly flags: Readonly<Record<string, string>>;
  /** On the Hub, in the last 30 days. */
  readonly downloads: number | null;
  readonly likes: number | null;
  readonly updated_at: string | null;
  /** When its files were last read on this machine. */
  readonly used_at: string | null;
  /** That would serve it. */
  readonly profiles: readonly string[];
  /** That serve it now. */
  readonly servers: readonly string[];
  readonly fit: FitVerdict | null;
  /** Memory to run it, at the context of `FIT_CONTEXT` tokens or its own if that is shorter. */
  readonly needed_bytes: number | null;
  /** Memory that would be left now; negative if it does not fit. */
  readonly spare_bytes: number | null;
  /** Only in `GET models/{id}`. */
  readonly files: readonly ModelFile[];
}

/**
 * Answer of a search: the rows of one page, best first, and how many there are in all.
 *
 * Over REST the rows are the body and `total` is the header `X-Total-Count`.
 */
export interface ModelPage {
  readonly models: readonly Model[];
  readonly total: number;
}

/** A smaller build of the same base model. */
export interface Alternative {
  readonly id: string;
  readonly needed_bytes: number;
  readonly size_bytes: number;
  readonly bits: number | null;
  readonly local: boolean;
}

/** Answer of `GET models/{id}/fit`: memory that a model would take, against what is free. */
export interface Fit {
  readonly model: string;
  readonly verdict: FitVerdict;
  readonly weights_bytes: number;
  /** Keys and values of `concurrency` conversations of `context_length` tokens. */
  readonly cache_bytes: number;
  /** What the engine takes beyond that: buffers, activations, Python. */
  readonly overhead_bytes: number;
  readonly needed_bytes: number;
  readonly available_bytes: number;
  readonly total_bytes: number;
  readonly spare_bytes: number;
  readonly context_length: number;
  readonly concurrency: number;
  readonly kv_bits: number | null;
  /** Runs on this machine that `overhead_bytes` stands on; 0 means a rule of thumb. */
  readonly measured: number;
  /** The same as a sentence. */
  readonly reason: string;
  readonly alternative: Alternative | null;
}

export type Transport = 'http' | 'xet';

/**
 * Body of `POST downloads`.
 *
 * Without patterns, what MLX needs is fetched. `include` and `exclude` are those of `hf
 * download`: shell patterns over paths.
 */
export interface StartDownload {
  /** A repo id, or loose words that mean one model. */
  readonly model: string;
  readonly revision: string | null;
  /** Every file of the repo. */
  readonly all: boolean;
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  /** `xet` fetches by Hugging Face's own protocol, which can't go on where it was cut off. */
  readonly transport: Transport;
}

/** Answer of `POST models/prune` and `DELETE models/{id}`: what was freed. */
export interface Pruned {
  readonly freed_bytes: number;
  readonly models: readonly string[];
}

/** Answer of `POST models/{id}/verify`: every file of a local model, read again. */
export interface Verification {
  readonly model: string;
  readonly revision: string | null;
  readonly ok: boolean;
  readonly files: number;
  readonly bytes: number;
  /** Files with nothing to compare to, as in a folder that is no part of the cache. */
  readonly unverifiable: readonly string[];
  readonly damaged: readonly string[];
  readonly missing: readonly string[];
}

/** One numbered frame of `GET events`. */
export type AnyEvent =
  | Snapshot
  | ServerChanged
  | ServerRemoved
  | ProfileChanged
  | ProfileRemoved
  | DownloadChanged
  | DownloadRemoved
  | DownloadProgressed
  | LibraryChanged
  | CatalogueChanged
  | MetricsSampled;
