import type { Model, ModelQuery } from '../schema';
import type { Command } from '../store';
import type { FakeStore } from './fake_store';
import { fit } from './fixtures';

/** Lets a store find models, by their ids alone, and remembers what was searched for. */
export class FoundModels {
  readonly queries: ModelQuery[] = [];
  /** Answers other commands than searches. */
  also: (command: Command) => unknown = (command) => {
    switch (command.command) {
      case 'model':
        return this.models.find(({ id }) => id === command.id);
      case 'fit':
        return fit(command.id);
      default:
        return undefined;
    }
  };

  constructor(
    store: FakeStore,
    public models: readonly Model[],
  ) {
    store.answer = (command) => {
      if (command.command !== 'models') {
        return Promise.resolve().then(() => this.also(command));
      }
      const { query } = command;
      this.queries.push(query);
      const found = this.models.filter((one) => one.id.includes(query.q));
      return Promise.resolve({
        models: found.slice(query.offset, query.offset + query.limit),
        total: found.length,
      });
    };
  }
}
