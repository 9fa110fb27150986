import type { AnyModel } from '@anywidget/types';

type Handler = (message?: unknown) => void;

/** The few things of a widget model that our widgets use, with both ends in a test's hand. */
export class FakeModel<T extends Record<string, unknown>> {
  readonly sent: Record<string, unknown>[] = [];
  /** As after a kernel restart: nothing can be sent any more. */
  disposed = false;
  private readonly handlers = new Map<string, Set<Handler>>();

  constructor(private traits: T) {}

  get<K extends keyof T>(name: K): T[K] {
    return this.traits[name];
  }

  on(event: string, handler: Handler): void {
    this.handlers.set(event, (this.handlers.get(event) ?? new Set()).add(handler));
  }

  off(event: string, handler: Handler): void {
    this.handlers.get(event)?.delete(handler);
  }

  send(message: Record<string, unknown>): void {
    if (this.disposed) {
      throw new Error('Cannot send');
    }
    this.sent.push(message);
  }

  /** The kernel sets traits. */
  put(traits: Partial<T>): void {
    this.traits = { ...this.traits, ...traits };
    for (const name of Object.keys(traits)) {
      this.fire(`change:${name}`);
    }
  }

  /** The kernel, or the widget manager, says something. */
  fire(event: string, message?: unknown): void {
    for (const handler of this.handlers.get(event) ?? []) {
      handler(message);
    }
  }

  get listeners(): number {
    return [...this.handlers.values()].reduce((sum, some) => sum + some.size, 0);
  }

  /** As the widgets know it. */
  get model(): AnyModel<T> {
    return this as unknown as AnyModel<T>;
  }
}
