import { withConnection } from '../reduce';
import {
  INITIAL_STATE,
  type Command,
  type CommandName,
  type Commands,
  type State,
  type Store,
} from '../store';

/** A store whose state a test sets, and that remembers what was sent. */
export class FakeStore implements Store {
  readonly sent: Command[] = [];
  /** What the next commands bring; a test may put a rejecting one here. */
  answer: (command: Command, signal?: AbortSignal) => Promise<unknown> = () =>
    Promise.resolve(undefined);
  private readonly viewers = new Set<() => void>();

  constructor(private state: State = INITIAL_STATE) {}

  get watched(): boolean {
    return this.viewers.size > 0;
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
    this.sent.push(command as Command);
    return this.answer(command as Command, signal) as Promise<Commands[N]['result']>;
  }

  /** Shows a state; live, unless it says otherwise. */
  show(state: State): void {
    this.state =
      state.connection.status === 'connecting'
        ? withConnection(state, { status: 'live', problem: null })
        : state;
    for (const changed of [...this.viewers]) {
      changed();
    }
  }
}
