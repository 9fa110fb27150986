import { Meter, type Part } from '../components/meter';
import { slotColor } from '../components/palette';
import { useHost } from '../host';
import type { State } from '../store';

/** What would round to 0.0 GB is said in MB. */
const SMALL = 0.05 * 2 ** 30;

/** The meter shows everybody; the list below it would push the servers out of sight. */
const LEGEND_LIMIT = 8;

/** Who uses the memory: other apps, each server in its colour, and what is free. */
export function MemoryView({ state }: { readonly state: State }) {
  const { t, format } = useHost();
  const memory = state.metrics?.memory;
  if (!memory) {
    return (
      <div class="mlxm-memory" aria-busy="true">
        <div class="mlxm-memory-head">
          <span>{t('Memory')}</span>
          <span class="mlxm-muted">{t('measuring…')}</span>
        </div>
        <Meter label={t('Memory')} text={t('measuring…')} parts={[]} />
        <div class="mlxm-legend">&nbsp;</div>
      </div>
    );
  }

  const total = memory.total_bytes;
  // Caches count as free: they give way to a model without swapping.
  const used = total - memory.available_bytes;
  const parts = serverParts(state, total);
  const others = Math.max(0, used - shareOf(parts) * total);
  const all: readonly Part[] = [
    {
      // No server can be called this: names have no space.
      key: 'other apps',
      label: t('other apps'),
      color: 'var(--mlxm-other-apps)',
      share: others / total,
    },
    ...parts,
  ];
  const summary = t(
    '%1 of %2 GB used, %3 GB free',
    format.gigabytes(used),
    format.capacity(total),
    format.gigabytes(memory.available_bytes),
  );
  const size = (bytes: number) => (bytes < SMALL ? format.memory(bytes) : format.gigabytes(bytes));
  return (
    <div class="mlxm-memory">
      <div class="mlxm-memory-head">
        <span>{t('Memory')}</span>
        <span>
          <b>{format.gigabytes(used)}</b> / {format.capacity(total)} GB ·{' '}
          <b>{format.gigabytes(memory.available_bytes)} GB</b> {t('free')}
        </span>
      </div>
      <Meter label={t('Memory')} text={summary} parts={all} />
      <ul class="mlxm-legend" role="list">
        {all.slice(0, LEGEND_LIMIT).map((part) => (
          <li key={part.key} role="listitem">
            <i style={{ background: part.color }} />
            {part.label} {size(part.share * total)}
          </li>
        ))}
        {all.length > LEGEND_LIMIT && (
          <li role="listitem">
            {t('%1 more', all.length - LEGEND_LIMIT)}{' '}
            {size(shareOf(all.slice(LEGEND_LIMIT)) * total)}
          </li>
        )}
      </ul>
    </div>
  );
}

function shareOf(parts: readonly Part[]): number {
  return parts.reduce((sum, part) => sum + part.share, 0);
}

function serverParts(state: State, total: number): Part[] {
  return state.servers.flatMap(({ name }) => {
    const bytes = state.metrics?.servers[name]?.memory_bytes;
    return bytes
      ? [
          {
            key: name,
            label: name,
            color: slotColor(state.colors[name] ?? 0),
            share: bytes / total,
          },
        ]
      : [];
  });
}
