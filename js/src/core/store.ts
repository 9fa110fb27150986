import type {
  Catalogue,
  DeletedProfile,
  Download,
  EngineJob,
  Fit,
  Hardware,
  ImportedProfile,
  InstalledEngine,
  Library,
  Logs,
  Metrics,
  MetricsHistory,
  Model,
  ModelPage,
  ModelQuery,
  Problem,
  Profile,
  ProfileCheck,
  ProfileProbe,
  Pruned,
  Server,
  StartDownload,
  StartingPoint,
  StartServer,
  Verification,
} from './schema';

/**
 * How the picture we draw relates to the extension:
 *
 * - `connecting`: nothing arrived yet
 * - `live`: it follows every change
 * - `reconnecting`: the stream broke; what is shown may be old
 * - `refused`: no stream to be had until somebody acts; `problem` says how
 * - `saved`: a picture from a notebook file, with no kernel behind it
 */
export type ConnectionStatus = 'connecting' | 'live' | 'reconnecting' | 'refused' | 'saved';

export interface Connection {
  readonly status: ConnectionStatus;
  readonly problem: Problem | null;
}

/** Everything the views draw. Replaced as a whole, never edited. */
export interface State {
  readonly connection: Connection;
  /** Id of the latest event that is part of this state; where to resume. */
  readonly lastId: string | null;
  /** A state change was missed: only a new snapshot makes this state true again. */
  readonly stale: boolean;
  /** Null until the first snapshot. */
  readonly hardware: Hardware | null;
  readonly gatewayUrl: string | null;
  readonly servers: readonly Server[];
  readonly profiles: readonly Profile[];
  /** Oldest first. */
  readonly downloads: readonly Download[];
  /** Empty until somebody has looked. */
  readonly engines: readonly InstalledEngine[];
  readonly engineJobs: readonly EngineJob[];
  readonly library: Library;
  readonly catalogue: Catalogue;
  readonly metrics: Metrics | null;
  /** Tokens per second by server, one point a second, oldest first. */
  readonly history: Readonly<Record<string, readonly number[]>>;
  /** Each server keeps its palette slot for as long as it is listed. */
  readonly colors: Readonly<Record<string, number>>;
}

export const INITIAL_STATE: State = {
  connection: { status: 'connecting', problem: null },
  lastId: null,
  stale: false,
  hardware: null,
  gatewayUrl: null,
  servers: [],
  profiles: [],
  downloads: [],
  engines: [],
  engineJobs: [],
  library: { version: 0, models: 0, size_bytes: 0, partial_bytes: 0, free_bytes: null },
  catalogue: { state: 'absent', models: 0, synced_at: null, offline: false, error: null },
  metrics: null,
  history: {},
  colors: {},
};

/** What a view may ask for, with what comes back. */
export interface Commands {
  /** Ends the process; of a failed server, forgets it. */
  stop: { readonly parameters: { readonly name: string }; readonly result: undefined };
  restart: { readonly parameters: { readonly name: string }; readonly result: Server };
  logs: {
    readonly parameters: { readonly name: string; readonly lines: number };
    readonly result: Logs;
  };
  /** What was measured since then, one point every `step` seconds. */
  metrics: {
    readonly parameters: { readonly since: string; readonly step: 1 | 10 };
    readonly result: MetricsHistory;
  };
  /** Starts a server, or finds the one that has this model or profile. */
  serve: { readonly parameters: Wanted; readonly result: Server };
  /** Refused when there is one of that name. */
  create_profile: {
    readonly parameters: { readonly values: Values };
    readonly result: Profile;
  };
  /** Changes these fields; another `name` among them renames it. */
  edit_profile: {
    readonly parameters: { readonly name: string; readonly values: Values };
    readonly result: Profile;
  };
  copy_profile: {
    readonly parameters: { readonly name: string; readonly to: string };
    readonly result: Profile;
  };
  /** What runs from it goes on. */
  delete_profile: {
    readonly parameters: { readonly name: string };
    readonly result: DeletedProfile;
  };
  /** What saving and starting these values would say. Nothing is changed. */
  check_profile: {
    readonly parameters: { readonly values: Values };
    readonly result: ProfileCheck;
  };
  /** A document that `import_profiles` takes; all profiles without a name. */
  export_profiles: {
    readonly parameters: { readonly name?: string };
    readonly result: object;
  };
  /** All of a document or nothing; `on_conflict` says what becomes of a name that is taken. */
  import_profiles: {
    readonly parameters: {
      readonly document: unknown;
      readonly on_conflict?: 'replace' | 'rename';
    };
    readonly result: readonly ImportedProfile[];
  };
  /** Asks what runs from it three things; takes as long as three answers. */
  probe_profile: { readonly parameters: { readonly name: string }; readonly result: ProfileProbe };
  starting_points: {
    readonly parameters: { readonly model: string };
    readonly result: readonly StartingPoint[];
  };
  models: { readonly parameters: { readonly query: ModelQuery }; readonly result: ModelPage };
  /** One model with its files, and what each fact was read from. */
  model: { readonly parameters: { readonly id: string }; readonly result: Model };
  fit: {
    readonly parameters: {
      readonly id: string;
      readonly context_length?: number;
      readonly concurrency?: number;
    };
    readonly result: Fit;
  };
  /** Removes every file of a model, complete or not. */
  delete_model: { readonly parameters: { readonly id: string }; readonly result: Pruned };
  /** Reads every file again: seconds for each gigabyte. */
  verify: { readonly parameters: { readonly id: string }; readonly result: Verification };
  /** Removes what is left of downloads that nobody goes on with. */
  prune: { readonly parameters: object; readonly result: Pruned };
  /** Reads the Hub's catalogue now. */
  sync: { readonly parameters: object; readonly result: Catalogue };
  download: {
    readonly parameters: { readonly wanted: Partial<StartDownload> & Pick<StartDownload, 'model'> };
    readonly result: Download;
  };
  pause: DownloadCommand;
  /** Goes on with a paused download, or tries a failed one again. */
  resume: DownloadCommand;
  /** Ends a download that is under way; of one that ended, forgets it. */
  cancel: DownloadCommand;
}

/** Fields of a profile. */
type Values = Readonly<Record<string, unknown>>;

/** What to run, and how it differs from what is saved. */
export type Wanted = Partial<Pick<StartServer, 'model' | 'profile' | 'name' | 'force' | 'set'>>;

interface DownloadCommand {
  readonly parameters: { readonly download_id: string };
  readonly result: Download | null;
}

export type CommandName = keyof Commands;

export type Command<N extends CommandName = CommandName> = {
  [K in N]: { readonly command: K } & Commands[K]['parameters'];
}[N];

/** What a view knows of the world: facts come up by `subscribe`, commands go down by `send`. */
export interface Store {
  snapshot(): State;
  /** Calls back after every change, until the returned function is called. */
  subscribe(changed: () => void): () => void;
  /**
   * Resolves when the command was carried out; rejects with a `ProblemError`, or with the signal's
   * reason as soon as that aborts.
   */
  send<N extends CommandName>(
    command: Command<N>,
    signal?: AbortSignal,
  ): Promise<Commands[N]['result']>;
}
