/**
 * One end for everything that a view begins. Hosts of AFM 0.4 hand a signal, older ones call the
 * function that `render` returned: whichever comes first ends it.
 */
export function lifetime(signal: AbortSignal | undefined): {
  readonly signal: AbortSignal;
  readonly end: () => void;
} {
  const controller = new AbortController();
  const end = () => {
    controller.abort();
  };
  signal?.addEventListener('abort', end);
  return { signal: controller.signal, end };
}
