import type { AnyModel } from '@anywidget/types';

import { ProblemError } from '../core/problem';
import { reduce, withConnection } from '../core/reduce';
import type { Problem, Snapshot } from '../core/schema';
import {
  INITIAL_STATE,
  type Command,
  type CommandName,
  type Commands,
  type ConnectionStatus,
  type State,
  type Store,
} from '../core/store';
import { listen, type Handlers } from './listen';

type Facts = Omit<Snapshot, 'type' | 'id'>;

/** What a picture that was saved by an older version may lack. */
type Newer = 'downloads' | 'library' | 'catalogue' | 'engines' | 'engine_jobs';

/** The trait `state`: a snapshot as of now, and how the kernel stands with the extension. */
export type WireState = Partial<Facts> & {
  readonly connection?: string;
  readonly problem?: Problem | null;
};

/** The synced traits of the Python widget. */
export interface PanelTraits extends Record<string, unknown> {
  state: WireState;
}

/** What the kernel sends back for `{call, command, …}`; an `id` is that of a model. */
interface Answer {
  readonly call: string;
  readonly ok: boolean;
  readonly result?: unknown;
  readonly problem?: Problem;
}

interface Waiting {
  readonly resolve: (result: unknown) => void;
  readonly reject: (reason: ProblemError) => void;
}

/** A kernel that says nothing for so long, not even to a ping, is not there. */
const SILENCE_MS = 4000;

const STATUSES: readonly string[] = ['connecting', 'live', 'reconnecting', 'refused'];

/**
 * A widget model as a store: facts are the trait `state`, commands are custom messages.
 *
 * AFM does not tell whether a kernel stands behind the model, so the store asks, and takes any
 * sign of life for an answer: a kernel that is busy with a cell still updates the trait.
 */
export class ModelStore implements Store {
  private state: State = INITIAL_STATE;
  private alive = true;
  private silence: ReturnType<typeof setTimeout> | undefined;
  private count = 0;
  private readonly prefix = Math.random().toString(36).slice(2);
  private readonly waiting = new Map<string, Waiting>();
  private readonly viewers = new Set<() => void>();

  constructor(
    private readonly model: AnyModel<PanelTraits>,
    signal: AbortSignal,
  ) {
    const handlers: Handlers = {
      'change:state': () => {
        this.heard();
        this.draw();
      },
      'msg:custom': (message) => {
        this.heard();
        this.settle(message as Answer);
      },
      // ipywidgets' own events; hosts without them lose nothing but speed.
      comm_live_update: () => {
        this.ask();
      },
      'comm:close': () => {
        this.lost();
      },
    };
    listen(model, handlers, signal);
    signal.addEventListener('abort', () => {
      clearTimeout(this.silence);
    });
    this.draw();
    this.ask();
  }

  snapshot(): State {
    return this.state;
  }

  subscribe(changed: () => void): () => void {
    this.viewers.add(changed);
    return () => {
      this.viewers.delete(changed);
    };
  }

  send<N extends CommandName>(
    command: Command<N>,
    signal?: AbortSignal,
  ): Promise<Commands[N]['result']> {
    if (!this.alive) {
      return Promise.reject(noKernel());
    }
    const call = this.nextCall();
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      this.waiting.set(call, { resolve: resolve as Waiting['resolve'], reject });
      // The kernel goes on with it: a comm has no way to call a message back.
      const leave = () => {
        this.waiting.delete(call);
        reject(signal?.reason as Error);
      };
      signal?.addEventListener('abort', leave, { once: true });
      this.post({ call, ...command });
    });
  }

  private settle(answer: Answer): void {
    const waiting = this.waiting.get(answer.call);
    // Every view of the model hears every answer.
    if (!waiting) {
      return;
    }
    this.waiting.delete(answer.call);
    if (answer.ok) {
      waiting.resolve(answer.result);
    } else {
      waiting.reject(
        new ProblemError(answer.problem ?? { code: 'internal', message: 'The kernel refused.' }),
      );
    }
  }

  private ask(): void {
    clearTimeout(this.silence);
    this.silence = setTimeout(() => {
      this.lost();
    }, SILENCE_MS);
    this.post({ call: this.nextCall(), command: 'ping' });
  }

  private post(message: Readonly<Record<string, unknown>>): void {
    try {
      this.model.send(message);
    } catch {
      // ipywidgets throws once the comm is disposed of, as it is after a kernel restart.
      this.lost();
    }
  }

  private heard(): void {
    clearTimeout(this.silence);
    if (!this.alive) {
      this.alive = true;
      this.draw();
    }
  }

  private lost(): void {
    clearTimeout(this.silence);
    this.alive = false;
    for (const { reject } of this.waiting.values()) {
      reject(noKernel());
    }
    this.waiting.clear();
    this.draw();
  }

  private draw(): void {
    const { connection = 'connecting', problem = null, ...facts } = this.model.get('state');
    const status = STATUSES.includes(connection)
      ? (connection as ConnectionStatus)
      : 'reconnecting';
    this.state = withConnection(isComplete(facts) ? this.reduced(facts) : this.state, {
      status: this.alive ? status : 'saved',
      problem,
    });
    for (const changed of [...this.viewers]) {
      changed();
    }
  }

  /** Through the reducer, so that servers keep their colours from one picture to the next. */
  private reduced(facts: Complete): State {
    const { downloads, library, catalogue, engines, engineJobs } = INITIAL_STATE;
    return reduce(this.state, {
      downloads,
      library,
      catalogue,
      engines,
      engine_jobs: engineJobs,
      ...facts,
      type: 'snapshot',
      id: '',
    });
  }

  private nextCall(): string {
    this.count += 1;
    return `${this.prefix}-${String(this.count)}`;
  }
}

type Complete = Omit<Facts, Newer> & Partial<Pick<Facts, Newer>>;

function isComplete(facts: Partial<Facts>): facts is Complete {
  return facts.hardware != null && facts.servers !== undefined;
}

function noKernel(): ProblemError {
  return new ProblemError({
    code: 'extension_unreachable',
    message: 'No kernel stands behind this output.',
    hint: 'Run the cell again.',
  });
}
