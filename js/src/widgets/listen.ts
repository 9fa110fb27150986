import type { AnyModel } from '@anywidget/types';

/** What to do on which event of a model. */
export type Handlers = Readonly<Record<string, (message?: unknown) => void>>;

/** Hears a model's events until `signal` aborts. */
export function listen(
  model: Pick<AnyModel, 'on' | 'off'>,
  handlers: Handlers,
  signal: AbortSignal,
) {
  for (const [event, handler] of Object.entries(handlers)) {
    model.on(event, handler);
  }
  signal.addEventListener('abort', () => {
    for (const [event, handler] of Object.entries(handlers)) {
      model.off(event, handler);
    }
  });
}
