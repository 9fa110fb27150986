import { ProblemError } from '../src/core/problem';
import { reduce } from '../src/core/reduce';
import type { AnyEvent, Download, Model, Profile } from '../src/core/schema';
import type { Command, CommandName, Commands, State, Store } from '../src/core/store';
import { download } from '../src/core/testing/fixtures';
import { answer, detailed, fitOf } from './catalogue';
import { past, sampled } from './measured';
import { carriedOut, POINTS } from './profiles';

/** A made-up world: what is shown at first, and what there is to be found. */
export interface World {
  readonly state: State;
  readonly models?: readonly Model[];
  /** What searching says instead of an answer. */
  readonly refusal?: string;
  /** Searching has no end. */
  readonly silent?: boolean;
  /** Typed and chosen at the start. */
  readonly start?: {
    readonly source?: 'hub';
    readonly q?: string;
    readonly press?: readonly string[];
  };
}

/** Milliseconds that an answer takes. */
const LATENCY = Number(new URLSearchParams(location.search).get('latency') ?? 8);
const STEP_MS = 250;

/** A store over such a world; downloads really move. */
export class PreviewStore implements Store {
  private readonly viewers = new Set<() => void>();
  private state: State;

  constructor(private readonly world: World) {
    this.state = world.state;
    setInterval(() => {
      this.move();
    }, STEP_MS);
    setInterval(() => {
      this.measure();
    }, 1000);
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

  async send<N extends CommandName>(
    command: Command<N>,
    signal?: AbortSignal,
  ): Promise<Commands[N]['result']> {
    console.log(JSON.stringify(command));
    await new Promise((resolve) => setTimeout(resolve, LATENCY));
    signal?.throwIfAborted();
    return (await this.carryOut(command as Command)) as Commands[N]['result'];
  }

  private carryOut(command: Command): unknown {
    const models = this.world.models ?? [];
    const one = (id: string) => models.find((model) => model.id === id) ?? models[0];
    switch (command.command) {
      case 'models':
        if (this.world.silent === true) {
          return new Promise(() => undefined);
        }
        if (this.world.refusal !== undefined) {
          throw new ProblemError({
            code: 'hub_unreachable',
            message: this.world.refusal,
            hint: 'Check the network, or search on this machine.',
          });
        }
        return answer(models, command.query);
      case 'model': {
        const model = one(command.id);
        return model && detailed(model);
      }
      case 'fit': {
        const model = one(command.id);
        return model && fitOf(model, command.context_length);
      }
      case 'metrics':
        if (this.world.refusal !== undefined) {
          throw new ProblemError({ code: 'internal', message: this.world.refusal });
        }
        return past(this.state, command);
      case 'verify':
        return { model: command.id, ok: true, files: 7, bytes: 8.7e9, damaged: [], missing: [] };
      case 'delete_model':
        throw new ProblemError({
          code: 'model_in_use',
          message: `${command.id} is served by coder.`,
          hint: 'Stop it first: %mlx_stop coder',
        });
      case 'download':
        return this.put(
          download(`d${String(Date.now())}`, { ...FRESH, model: command.wanted.model }),
        );
      case 'pause':
        return this.change(command.download_id, { state: 'paused', rate: null, eta_seconds: null });
      case 'resume':
        return this.change(command.download_id, { state: 'running', error: null });
      case 'cancel':
        this.emit({ type: 'downloads.removed', id: this.next(), download_id: command.download_id });
        return null;
      case 'check_profile':
      case 'copy_profile':
      case 'delete_profile':
      case 'probe_profile':
        return carriedOut(command, this.state.profiles);
      case 'create_profile':
      case 'edit_profile': {
        const profile = carriedOut(command, this.state.profiles) as Profile;
        this.emit({ type: 'profiles.changed', id: this.next(), profile });
        return profile;
      }
      case 'starting_points':
        return command.model.includes('Qwen3') ? POINTS : [];
      case 'serve':
        throw new ProblemError({
          code: 'not_enough_memory',
          message: 'It needs 71 GB, and 16.6 of 48 GB are free.',
          candidates: ['mlx-community/Qwen3-32B-4bit'],
        });
      default:
        throw new ProblemError({ code: 'preview', message: 'This is only a preview.' });
    }
  }

  private move(): void {
    for (const one of this.state.downloads) {
      if (one.state === 'running' && one.bytes_total !== null) {
        const done = Math.min(one.bytes_total, one.bytes_done + (84e6 * STEP_MS) / 1000);
        const eta_seconds = (one.bytes_total - done) / 84e6;
        this.emit({
          type: 'downloads.progressed',
          id: this.state.lastId ?? '',
          download: { ...one, bytes_done: done, eta_seconds, rate: 84e6 },
        });
      }
    }
  }

  private measure(): void {
    const { metrics, lastId, connection } = this.state;
    if (metrics !== null && connection.status === 'live') {
      this.emit({ type: 'metrics.sampled', id: lastId ?? '', metrics: sampled(metrics) });
    }
  }

  private change(id: string, change: Partial<Download>): Download | null {
    const known = this.state.downloads.find((one) => one.id === id);
    return known ? this.put({ ...known, ...change }) : null;
  }

  private put(one: Download): Download {
    this.emit({ type: 'downloads.changed', id: this.next(), download: one });
    return one;
  }

  private next(): string {
    const [epoch, sequence] = (this.state.lastId ?? 'a-0').split('-');
    return `${epoch ?? 'a'}-${String(Number(sequence) + 1)}`;
  }

  private emit(event: AnyEvent): void {
    this.state = reduce(this.state, event);
    for (const changed of [...this.viewers]) {
      changed();
    }
  }
}

const FRESH: Partial<Download> = { bytes_done: 0, files_done: 0, rate: null, eta_seconds: null };
