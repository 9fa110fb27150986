import { useEffect, useRef, useState } from 'preact/hooks';

import { stateWord } from '../components/dot';
import { useHost } from '../host';
import type { Server, ServerState } from '../schema';

/** Tells a screen reader what changed: states only, figures would never let it rest. */
export function Announcer({ servers }: { readonly servers: readonly Server[] }) {
  const { t } = useHost();
  const before = useRef<ReadonlyMap<string, ServerState> | null>(null);
  const [text, setText] = useState('');
  useEffect(() => {
    const now = new Map(servers.map((server) => [server.name, server.state]));
    const known = before.current;
    before.current = now;
    if (known === null) {
      return;
    }
    const changed = [...now].filter(([name, state]) => known.get(name) !== state);
    const gone = [...known.keys()].filter((name) => !now.has(name));
    if (changed.length + gone.length > 0) {
      setText(
        [
          ...changed.map(([name, state]) => `${name}: ${stateWord(state, t)}`),
          ...gone.map((name) => `${name}: ${t('stopped')}`),
        ].join(', '),
      );
    }
  }, [servers, t]);
  return (
    <div class="mlxm-hidden" role="status" aria-live="polite">
      {text}
    </div>
  );
}
