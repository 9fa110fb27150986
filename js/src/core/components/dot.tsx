import { useHost, type Translate } from '../host';
import type { ServerState } from '../schema';

/** A state in one word, for eyes and for ears. */
export function stateWord(state: ServerState, t: Translate): string {
  switch (state) {
    case 'starting':
      return t('starting');
    case 'loading':
      return t('loading');
    case 'ready':
      return t('ready');
    case 'stopping':
      return t('stopping');
    case 'stopped':
      return t('stopped');
    case 'failed':
      return t('failed');
  }
}

/** The state of a server as a small mark: disc, turning ring or hollow disc, with its word. */
export function Dot({ state }: { readonly state: ServerState }) {
  const { t } = useHost();
  const word = stateWord(state, t);
  return <span class="mlxm-dot" data-state={state} role="img" aria-label={word} title={word} />;
}
