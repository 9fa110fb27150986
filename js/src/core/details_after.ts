import type { Model } from './schema';

/** A row must stay in sight for so long: who scrolls past does not want to know. */
const PATIENCE_MS = 300;
const AT_ONCE = 3;

/**
 * Asks, one by one, for what a row of the catalogue lacks: at most once a model, and not on for one
 * that was scrolled away.
 */
export class DetailsAfter {
  private readonly waiting = new Map<string, ReturnType<typeof setTimeout>>();
  private readonly asking = new Map<string, AbortController>();
  private readonly asked = new Set<string>();
  private queue: string[] = [];

  constructor(
    private readonly ask: (id: string, signal: AbortSignal) => Promise<Model>,
    private readonly learned: (model: Model) => void,
  ) {}

  /** These are in sight and lack something; whatever else was asked for no longer is. */
  watch(ids: ReadonlySet<string>): void {
    for (const [id, timer] of this.waiting) {
      if (!ids.has(id)) {
        clearTimeout(timer);
        this.waiting.delete(id);
      }
    }
    this.queue = this.queue.filter((id) => ids.has(id));
    for (const [id, question] of this.asking) {
      if (!ids.has(id)) {
        question.abort();
        this.asking.delete(id);
        this.asked.delete(id);
      }
    }
    for (const id of ids) {
      if (!this.asked.has(id) && !this.waiting.has(id) && !this.queue.includes(id)) {
        this.waiting.set(id, setTimeout(this.queued, PATIENCE_MS, id));
      }
    }
    this.next();
  }

  private readonly queued = (id: string) => {
    this.waiting.delete(id);
    this.queue.push(id);
    this.next();
  };

  private next(): void {
    while (this.asking.size < AT_ONCE) {
      const id = this.queue.shift();
      if (id === undefined) {
        return;
      }
      void this.learn(id);
    }
  }

  private async learn(id: string): Promise<void> {
    const question = new AbortController();
    this.asking.set(id, question);
    this.asked.add(id);
    try {
      const model = await this.ask(id, question.signal);
      if (!question.signal.aborted) {
        this.learned(model);
      }
    } catch {
      // The row goes on saying what is known: whoever wants more unfolds it, and sees why not.
    }
    if (!question.signal.aborted) {
      this.asking.delete(id);
      this.next();
    }
  }
}
