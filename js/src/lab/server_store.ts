import type { ServerConnection } from '@jupyterlab/services';

import { reduce, withConnection } from '../core/reduce';
import type { AnyEvent, Problem } from '../core/schema';
import {
  INITIAL_STATE,
  type Command,
  type CommandName,
  type Commands,
  type Connection,
  type State,
  type Store,
} from '../core/store';
import { requestOf, resultOf } from './requests';
import { HttpError, reachable, Rest } from './rest';

const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 30_000;

/**
 * The extension as a store: commands by REST, facts by one WebSocket for all views.
 *
 * The stream runs while somebody subscribes. Every attempt asks `GET status` first, because a
 * WebSocket does not tell a browser why it was refused.
 */
export class ServerStore implements Store {
  private state: State = INITIAL_STATE;
  private readonly viewers = new Set<() => void>();
  private readonly rest: Rest;
  private socket: WebSocket | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  /** Attempts in a row that brought no frame. */
  private failures = 0;
  /** Counts attempts: whatever an earlier one still has to say is ignored. */
  private attempt = 0;

  constructor(
    settings: ServerConnection.ISettings,
    /** Spreads the tabs of a room full of people over time. */
    private readonly random: () => number = Math.random,
  ) {
    this.rest = new Rest(settings);
  }

  snapshot(): State {
    return this.state;
  }

  subscribe(changed: () => void): () => void {
    this.viewers.add(changed);
    if (this.viewers.size === 1) {
      void this.connect();
    }
    return () => {
      this.viewers.delete(changed);
      if (this.viewers.size === 0) {
        this.disconnect();
      }
    };
  }

  async send<N extends CommandName>(
    command: Command<N>,
    signal?: AbortSignal,
  ): Promise<Commands[N]['result']> {
    const one = command as Command;
    const answer = await reachable(this.rest.request(requestOf(one), signal), signal);
    return resultOf(one, answer) as Commands[N]['result'];
  }

  /** Tries to connect now: after a refusal, or when waiting is too long. */
  retry(): void {
    if (this.viewers.size > 0) {
      this.failures = 0;
      void this.connect();
    }
  }

  private async connect(): Promise<void> {
    this.disconnect();
    const attempt = this.attempt;
    const refusal = await this.knock();
    if (attempt !== this.attempt) {
      return;
    }
    if (refusal !== null) {
      this.refused(refusal);
      return;
    }
    const socket = this.rest.events(this.state.stale ? null : this.state.lastId);
    this.socket = socket;
    socket.onmessage = ({ data }: MessageEvent<string>) => {
      if (attempt === this.attempt) {
        this.receive(JSON.parse(data) as AnyEvent[]);
      }
    };
    socket.onclose = () => {
      if (attempt === this.attempt) {
        this.later();
      }
    };
  }

  /** Null when the extension lets us in, else what it or the network said. */
  private async knock(): Promise<Error | null> {
    try {
      await this.rest.request({ method: 'GET', path: ['status'] });
      return null;
    } catch (thrown) {
      return thrown instanceof Error ? thrown : new Error(String(thrown));
    }
  }

  private receive(events: readonly AnyEvent[]): void {
    this.failures = 0;
    const next = events.reduce(reduce, this.state);
    this.replace(withConnection(next, { status: 'live', problem: null }));
    if (next.stale) {
      void this.connect();
    }
  }

  private refused(reason: Error): void {
    const status = reason instanceof HttpError ? reason.status : 0;
    if (status === 404) {
      this.say({ status: 'refused', problem: NOT_ENABLED });
    } else if (status === 401 || status === 403) {
      this.say({ status: 'refused', problem: NOT_LOGGED_IN });
    } else {
      this.later();
    }
  }

  private later(): void {
    this.say({ status: this.state.hardware ? 'reconnecting' : 'connecting', problem: null });
    const pause = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** this.failures);
    this.failures += 1;
    this.timer = setTimeout(() => void this.connect(), pause * (0.5 + this.random() / 2));
  }

  private disconnect(): void {
    this.attempt += 1;
    clearTimeout(this.timer);
    this.socket?.close();
    this.socket = null;
  }

  private say(connection: Connection): void {
    this.replace(withConnection(this.state, connection));
  }

  private replace(state: State): void {
    this.state = state;
    for (const changed of [...this.viewers]) {
      changed();
    }
  }
}

const NOT_ENABLED: Problem = {
  code: 'not_enabled',
  message: 'The MLX extension is not enabled.',
  hint: 'JupyterLab has it, the Jupyter server does not. Run `jupyter server extension enable mlx_manager_jupyter` and restart Jupyter.',
  log_tail: [],
  candidates: [],
};

const NOT_LOGGED_IN: Problem = {
  code: 'unauthorized',
  message: 'Jupyter does not let us in.',
  hint: 'Log in again, then reload this page.',
  log_tail: [],
  candidates: [],
};
