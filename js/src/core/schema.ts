// Made by generate_schema.py from mlx_manager_jupyter/schema: do not edit.

/** The machine, as far as it matters for fitting models. */
export interface Hardware {
  readonly chip: string;
  readonly system: string;
  readonly cores: number;
  readonly memory_bytes: number;
}

export type EngineKind = 'mlx-lm' | 'mlx-vlm' | 'mlx-openai-server' | 'remote' | 'command';

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

export type Health = 'ok' | 'busy' | 'silent';

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
  /** What the one who started it should know, such as that memory is tight. */
  readonly note: string | null;
  readonly error: Problem | null;
  readonly engine_version: string | null;
  /** Where a `remote` one is; None for a process of this machine. */
  readonly base_url: string | null;
  readonly pinned: boolean;
  /** Its profile was edited since it started. */
  readonly restart_to_apply: boolean;
  /** How often it was started again after a failure, without a healthy time since. */
  readonly restarts: number;
  /** When a failed one is started again; None when nobody will. */
  readonly retry_at: string | null;
  /** When its latest request began or ended; None before the first. */
  readonly last_used_at: string | null;
  readonly idle_unload_seconds: number | null;
  /** What the latest probe of a ready one said; None before the first. */
  readonly health: Health | null;
}

export type EngineChoice = 'auto' | 'mlx-lm' | 'mlx-vlm' | 'mlx-openai-server' | 'remote' | 'command';

export type ModelType = 'auto' | 'lm' | 'multimodal' | 'embeddings' | 'whisper' | 'image-generation' | 'image-edit';

/** Over which machines MLX's own launcher spreads the model: exactly one of the three. */
export interface Distributed {
  /** Names or addresses of the machines, this one first; reached by ssh. */
  readonly hosts: readonly string[];
  /** A JSON file of hosts, as `mlx.launch --hostfile` takes it. */
  readonly hostfile: string | null;
  /** So many processes on this machine, to try a split. */
  readonly ranks: number | null;
  /** How the processes talk to each other. */
  readonly backend: 'ring' | 'mpi' | 'nccl' | 'jaccl' | 'jaccl-ring';
}

/** A named, saved way to run a model. Unset fields leave the engine's own default alone. */
export interface Profile {
  /** What you type to run it. */
  readonly name: string;
  /** A repo id of the Hugging Face cache, or a local folder; for `remote` the name to ask for. */
  readonly model: string;
  /** A note to yourself. */
  readonly description: string;
  /** Branch, tag or commit; the newest that is here by default. */
  readonly revision: string | null;
  /** The program that runs it; `auto` chooses by what the model is and what is set here. */
  readonly engine: EngineChoice;
  /** What kind of model the engine is told to expect. */
  readonly model_type: ModelType;
  /** More names under which the gateway finds it. */
  readonly aliases: readonly string[];
  /** Where the engine listens. Others than this machine need `host_confirmed`: no key is asked. */
  readonly host: string;
  /** You know that everybody who reaches `host` can use the model without a key. */
  readonly host_confirmed: boolean;
  /** The engine's port; by default the first free one. */
  readonly port: number | null;
  /** Put before every conversation that has none of its own. */
  readonly system_prompt: string | null;
  /** Tokens that a conversation may have; also what the memory is planned for. */
  readonly context_length: number | null;
  /** Where an answer is cut when the request does not say. */
  readonly max_tokens: number | null;
  /** 0 for the most likely answer; higher is more varied. */
  readonly temperature: number | null;
  /** Choose among the likeliest tokens that make up this probability together. */
  readonly top_p: number | null;
  /** Choose among so many of the likeliest tokens; 0 for all. */
  readonly top_k: number | null;
  /** Leave out tokens less likely than this share of the likeliest one. */
  readonly min_p: number | null;
  /** Above 1 to repeat less. */
  readonly repetition_penalty: number | null;
  /** For the same answer to the same question, as far as the engine can. */
  readonly seed: number | null;
  /** Which notation of tool calls the engine reads; suggested from the model. */
  readonly tool_call_parser: string | null;
  /** Which notation of thinking the engine reads; suggested from the model. */
  readonly reasoning_parser: string | null;
  /** Which rewriting of messages the engine does before the template. */
  readonly message_converter: string | null;
  /** Let the model decide when to call a tool. */
  readonly enable_auto_tool_choice: boolean;
  /** A template used instead of the model's own. */
  readonly chat_template_file: string | null;
  /** Values for the template, such as `{"enable_thinking": false}`. */
  readonly chat_template_args: Readonly<Record<string, unknown>> | null;
  /** Run code that comes with the model. */
  readonly trust_remote_code: boolean;
  /** A folder with trained adapters (LoRA). */
  readonly adapter_path: string | null;
  /** A small model that guesses ahead: an id of this machine or a folder. */
  readonly draft_model: string | null;
  /** How many tokens the draft model guesses at a time. */
  readonly num_draft_tokens: number | null;
  /** How many prompts are kept prepared. */
  readonly prompt_cache_size: number | null;
  /** How much memory prepared prompts may take. */
  readonly prompt_cache_bytes: number | null;
  /** Bits of the keys and values of a conversation; fewer take less memory. */
  readonly kv_bits: 2 | 3 | 4 | 6 | 8 | null;
  /** How many of them share a scale. */
  readonly kv_group_size: 32 | 64 | 128 | null;
  /** From which token on they are quantized. */
  readonly quantized_kv_start: number | null;
  /** How many answers are written at once. */
  readonly decode_concurrency: number | null;
  /** How many prompts are read at once. */
  readonly prompt_concurrency: number | null;
  /** Tokens of a prompt that are read in one step. */
  readonly prefill_step_size: number | null;
  /** How many requests are worked on at once. */
  readonly max_concurrency: number | null;
  /** How many requests may wait. */
  readonly queue_size: number | null;
  /** How long a request may wait. */
  readonly queue_timeout: number | null;
  /** How much the engine writes into its log. */
  readonly log_level: 'DEBUG' | 'INFO' | 'WARNING' | 'ERROR' | 'CRITICAL' | null;
  /** Start it with Jupyter. */
  readonly auto_start: boolean;
  /** Start it when a request asks for it. */
  readonly on_demand: boolean;
  /** End it, and give its memory back, after so long without a request. */
  readonly idle_unload_seconds: number | null;
  /** Never end it to make room for another model. */
  readonly pinned: boolean;
  /** Whether it is started again after it crashed. */
  readonly restart: 'on-failure' | 'never';
  /** More environment variables for the engine. */
  readonly env: Readonly<Record<string, string>>;
  /** More words for the engine's command line, as they are. */
  readonly extra_args: readonly string[];
  /** Run it across machines or processes, under MLX's own launcher. */
  readonly distributed: Distributed | null;
  /** For `command`: the program and its words, with `{model}`, `{host}` and `{port}`. */
  readonly command: readonly string[];
  /** For `command`: the path that answers 200 once it is ready. */
  readonly ready_path: string;
  /** For `remote`: the URL below which `/models` and `/chat/completions` are, often `…/v1`. */
  readonly base_url: string | null;
  /** For `remote`: the environment variable with the key. The key itself is never stored. */
  readonly api_key_env: string | null;
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

export type EngineSource = 'configured' | 'managed' | 'environment' | 'path' | 'uv-tool' | 'built-in';

/** One engine that was found. Of several of a kind the `selected` one runs models. */
export interface InstalledEngine {
  readonly kind: EngineKind;
  readonly version: string | null;
  /** The executable; None for what needs none. */
  readonly path: string | null;
  /** `managed`: in an environment that MLX Manager made; `built-in`: needs no program. */
  readonly source: EngineSource;
  readonly selected: boolean;
  /** Fields of a profile that it honours. */
  readonly fields: readonly string[];
  /** What it answers, as `chat/completions`. */
  readonly endpoints: readonly string[];
  /** What a rollback brings back; None when there is nothing. */
  readonly previous_version: string | null;
  /** Why it can't be used. */
  readonly problem: Problem | null;
}

/** One installation, upgrade, rollback or removal. */
export interface EngineJob {
  readonly id: string;
  readonly kind: EngineKind;
  readonly action: 'install' | 'upgrade' | 'rollback' | 'remove';
  readonly state: 'running' | 'done' | 'failed' | 'cancelled';
  /** What it is doing, in words. */
  readonly stage: string;
  readonly version: string | null;
  readonly started_at: string;
  readonly finished_at: string | null;
  readonly log_tail: readonly string[];
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

export type Pressure = 'normal' | 'warn' | 'critical';

/** System memory at one moment. `available_bytes` can be had without swapping. */
export interface Memory {
  readonly total_bytes: number;
  readonly used_bytes: number;
  readonly available_bytes: number;
  /** What macOS says of it: from `warn` on it compresses and swaps. */
  readonly pressure: Pressure;
  /** The most that the GPU may hold; None where it has no limit of its own. */
  readonly gpu_bytes: number | null;
}

/** What one server does right now, or all of them together. */
export interface ServerLoad {
  readonly memory_bytes: number | null;
  /** 100 for each core that is busy. */
  readonly cpu_percent: number | null;
  readonly in_flight: number;
  /** Requests that wait for their turn. */
  readonly queued: number;
  readonly tokens_per_second: number;
  /** Of the latest request that produced a token. */
  readonly first_token_seconds: number | null;
  /** Half of the latest requests had their first token within these seconds. */
  readonly first_token_p50: number | null;
  readonly first_token_p95: number | null;
  /** That have ended since the extension started. */
  readonly requests: number;
  /** Of those, how many in an error. */
  readonly errors: number;
  /** Answered since the extension started. */
  readonly tokens: number;
}

/** One sample, taken once a second. */
export interface Metrics {
  readonly time: string;
  readonly memory: Memory;
  /** Of the whole machine, 100 when every core is busy. */
  readonly cpu_percent: number | null;
  readonly servers: Readonly<Record<string, ServerLoad>>;
  readonly total: ServerLoad;
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
  /** Empty until somebody has looked: looking starts each engine once. */
  readonly engines: readonly InstalledEngine[];
  readonly engine_jobs: readonly EngineJob[];
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

/** The engines of this machine were looked at, or are others than before. */
export interface EnginesChanged {
  readonly type: 'engines.changed';
  readonly id: string;
  readonly engines: readonly InstalledEngine[];
}

/** An installation goes on, or has ended. */
export interface EngineJobChanged {
  readonly type: 'engines.job';
  readonly id: string;
  readonly job: EngineJob;
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
  /** What each server does right now, by its name; empty unless asked with `loads=true`. */
  readonly loads: Readonly<Record<string, ServerLoad>>;
}

/**
 * Answer of `GET metrics`: columns of equal length, oldest first, None for unknown.
 *
 * The columns of a server, and of `total`: `memory_bytes cpu_percent in_flight queued
 * tokens_per_second first_token_p50 first_token_p95`; of `system`: `used_bytes
 * available_bytes cpu_percent`.
 */
export interface MetricsHistory {
  readonly step_seconds: number;
  /** Seconds since 1970. */
  readonly times: readonly number[];
  /** Memory of the machine, or what servers are limited to. */
  readonly total_bytes: number;
  readonly system: Readonly<Record<string, readonly (number | null)[]>>;
  readonly total: Readonly<Record<string, readonly (number | null)[]>>;
  readonly servers: Readonly<Record<string, Readonly<Record<string, readonly (number | null)[]>>>>;
}

/** A gateway key without its secret. */
export interface Key {
  readonly id: string;
  readonly label: string;
  readonly created_at: string;
  /** The kernel that it was made for; it dies with that process. None for a named one. */
  readonly pid: number | null;
  /** What that kernel runs, as far as it knows. */
  readonly notebook: string | null;
  /** When it opens nothing any more; None for never. */
  readonly expires_at: string | null;
  /** The only profiles that it opens; empty for all. */
  readonly profiles: readonly string[];
  /** How many requests it may make of each Jupyter server; None for no limit. */
  readonly requests_per_minute: number | null;
  /** To a minute, where another Jupyter server was asked. */
  readonly last_used_at: string | null;
}

/** Answer of `POST keys`: the only time that the secret travels. */
export interface NewKey {
  readonly key: Key;
  readonly secret: string;
}

/** Body of `POST keys`. */
export interface CreateKey {
  readonly label: string;
  /** It dies with this process; without one it is kept until it expires or is revoked. */
  readonly pid: number | null;
  readonly notebook: string | null;
  readonly expires_in_seconds: number | null;
  readonly profiles: readonly string[];
  readonly requests_per_minute: number | null;
}

/** Answer of `GET servers/{name}/logs`: the last lines, oldest first. */
export interface Logs {
  readonly name: string;
  readonly path: string;
  readonly lines: readonly string[];
}

/** Event `run` of a followed log: from here on it is the log of this run. */
export interface LogRun {
  readonly name: string;
  readonly run: string;
}

/** Event `line` of a followed log. */
export interface LogLine {
  readonly run: string;
  /** Counts the lines of this run that this viewer was sent, from 1. */
  readonly number: number;
  readonly text: string;
}

/** Event `end` of a followed log: the server has ended, and nothing starts it again. */
export interface LogEnd {
  readonly name: string;
  readonly state: ServerState;
  /** Why, if it failed. */
  readonly error: Problem | null;
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

/**
 * Body of `POST servers`: exactly one of `model` and `profile`.
 *
 * `model` may also be the name of a profile, which then wins: people type one word.
 * `set` overrides profile fields for this server alone.
 */
export interface StartServer {
  readonly model: string | null;
  readonly profile: string | null;
  readonly name: string | null;
  readonly engine: EngineChoice | null;
  readonly port: number | null;
  readonly context_length: number | null;
  /** Seconds without a request after which it is ended: `idle_unload_seconds` of the profile. */
  readonly ttl: number | null;
  readonly keep: boolean | null;
  /** Start it though the memory says no. */
  readonly force: boolean;
  readonly set: Readonly<Record<string, unknown>>;
}

/** What is wrong with one field of a profile that is being written. */
export interface FieldProblem {
  readonly field: string;
  readonly problem: Problem;
}

/** A value for a field of a profile, and why. */
export interface Suggestion {
  readonly field: string;
  readonly value: unknown;
  readonly reason: string;
  /** Tried on the running model, not only read from its files. */
  readonly proven: boolean;
}

/** Answer of `POST profiles/check`: what saving and starting these values would say. */
export interface ProfileCheck {
  readonly problems: readonly FieldProblem[];
  /** The engine that would run it. */
  readonly engine: EngineChoice;
  /** The fields that this engine, as it is installed, can honour. */
  readonly honoured: readonly string[];
  readonly suggestions: readonly Suggestion[];
  /** What else one should know, such as that the engine finds a parser by itself. */
  readonly notes: readonly string[];
  /** Servers that run from this profile. */
  readonly affects: readonly string[];
}

/** A ready-made beginning for a family of models. */
export interface StartingPoint {
  readonly family: string;
  readonly title: string;
  readonly reason: string;
  readonly values: Readonly<Record<string, unknown>>;
}

/** Answer of `DELETE profiles/{name}`. */
export interface DeletedProfile {
  readonly name: string;
  /** That run from it, and go on. */
  readonly servers: readonly string[];
}

/** Answer of `POST profiles/import`, one for each profile of the document. */
export interface ImportedProfile {
  readonly name: string;
  readonly did: 'created' | 'replaced' | 'renamed' | 'skipped';
  /** Its name in the document, if that was taken. */
  readonly was: string | null;
}

/** What one question to the running model has shown. */
export interface ProbeFinding {
  readonly what: 'tools' | 'reasoning' | 'schema';
  readonly works: boolean;
  readonly detail: string;
}

/** Answer of `POST profiles/{name}/probe`. */
export interface ProfileProbe {
  readonly profile: string;
  readonly model: string;
  readonly revision: string | null;
  readonly engine: EngineKind;
  readonly engine_version: string | null;
  readonly findings: readonly ProbeFinding[];
  /** Fields of the profile that work as they are. */
  readonly proven: Readonly<Record<string, unknown>>;
  readonly probed_at: string;
}

/** Body of `POST engines`. */
export interface InstallEngine {
  readonly kind: EngineKind;
  readonly action: 'install' | 'upgrade' | 'rollback' | 'remove';
  /** The newest that its Python allows by default. */
  readonly version: string | null;
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
  | EnginesChanged
  | EngineJobChanged
  | DownloadChanged
  | DownloadRemoved
  | DownloadProgressed
  | LibraryChanged
  | CatalogueChanged
  | MetricsSampled;
