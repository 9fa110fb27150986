import { Sparkline } from '../components/sparkline';
import { useHost } from '../host';
import type { Server } from '../schema';
import type { State } from '../store';

/** How a ready server does: the last minute as a line, then speed, first token and memory. */
export function Figures({ server, state }: { readonly server: Server; readonly state: State }) {
  const { t, format } = useHost();
  const load = state.metrics?.servers[server.name];
  const points = state.history[server.name] ?? [];
  const asked = load?.first_token_seconds != null || points.some((value) => value > 0);
  const others = [
    load?.first_token_seconds != null &&
      t('first token %1', format.seconds(load.first_token_seconds)),
    !asked && t('no requests yet'),
    load?.memory_bytes != null && format.memory(load.memory_bytes),
  ];
  return (
    <span class="mlxm-meta mlxm-figures">
      <Sparkline points={points} slot={state.colors[server.name] ?? 0} />
      <span class="mlxm-figures-text">
        {asked && (
          <>
            <span class="mlxm-figure-rate">{format.rate(load?.tokens_per_second ?? 0)}</span>
            {' · '}
          </>
        )}
        {others.filter(Boolean).join(' · ')}
      </span>
    </span>
  );
}
