import type { ComponentChildren } from 'preact';
import { useMemo } from 'preact/hooks';

import { Chip, ChipMenu } from '../components/chips';
import { SearchBox } from '../components/search_box';
import { Segmented } from '../components/segmented';
import { useHost, type Host } from '../host';
import { CAPABILITIES, SORTS, type Filters } from '../model_filters';
import type { SearchState } from '../models_query';
import type { Model, ModelSort, ModelSource } from '../schema';
import { capabilityWord } from './model_figures';

/** The bits that most quantized models have. */
const BITS = [4, 8];
/** More entries than this nobody reads in a menu. */
const MENU_LIMIT = 40;

export type Choose = (change: Partial<Filters>, now?: boolean) => void;

/** Words, where to look, and what to leave out. */
export function ModelsControls(props: {
  readonly found: SearchState;
  readonly choose: Choose;
  /** Takes the keyboard to the list. */
  readonly onLeave: () => void;
  /** Stands after the filters. */
  readonly children: ComponentChildren;
}) {
  const { found, choose } = props;
  const host = useHost();
  const { t } = host;
  const { filters } = found;
  return (
    <div class="mlxm-controls" role="search" aria-label={t('Models')}>
      <SearchBox
        label={t('Search models')}
        placeholder={filters.source === 'local' ? t('Search this machine') : t('qwen3 8b 4bit')}
        value={filters.q}
        busy={found.searching}
        onSearch={(q, now) => {
          choose({ q }, now);
        }}
        onLeave={props.onLeave}
      />
      <Segmented<ModelSource>
        label={t('Where to look')}
        value={filters.source}
        options={[
          { value: 'local', text: t('On this machine') },
          { value: 'hub', text: t('Hugging Face') },
        ]}
        onChoose={(source) => {
          choose({ source, sort: 'relevance' }, true);
        }}
      />
      <div class="mlxm-chips">
        <Chips {...props} />
        <ChipMenu
          label={t('Order')}
          value={filters.sort}
          on={filters.sort !== 'relevance'}
          options={SORTS[filters.source].map((sort) => ({
            value: sort,
            text: sortWord(sort, host),
          }))}
          onChoose={(sort) => {
            choose({ sort: (sort ?? 'relevance') as ModelSort }, true);
          }}
        />
        {props.children}
      </div>
    </div>
  );
}

function Chips({ found, choose }: { readonly found: SearchState; readonly choose: Choose }) {
  const host = useHost();
  const { t } = host;
  const { filters, rows } = found;
  const families = useMemo(() => counted(rows ?? [], (model) => model.family), [rows]);
  const authors = useMemo(() => counted(rows ?? [], (model) => model.author), [rows]);
  const toggle = (change: Partial<Filters>) => {
    choose(change, true);
  };
  return (
    <div class="mlxm-filters" role="group" aria-label={t('Filters')}>
      <Chip
        text={t('fits ✓')}
        title={t('Fits into the memory that is free now')}
        on={filters.fits}
        onToggle={(fits) => {
          toggle({ fits });
        }}
      />
      {BITS.map((bits) => (
        <Chip
          key={bits}
          text={t('%1-bit', bits)}
          on={filters.bits.includes(bits)}
          onToggle={(on) => {
            const others = filters.bits.filter((other) => other !== bits);
            toggle({ bits: on ? [...others, bits].sort((one, two) => one - two) : others });
          }}
        />
      ))}
      {CAPABILITIES.map((name) => (
        <Chip
          key={name}
          text={capabilityWord(name, host)}
          on={filters[name]}
          onToggle={(on) => {
            toggle({ [name]: on });
          }}
        />
      ))}
      <ChipMenu
        label={t('family')}
        any={t('any family')}
        value={filters.family}
        on={filters.family !== null}
        options={families}
        onChoose={(family) => {
          toggle({ family });
        }}
      />
      <ChipMenu
        label={t('author')}
        any={t('any author')}
        value={filters.author}
        on={filters.author !== null}
        options={authors}
        onChoose={(author) => {
          toggle({ author });
        }}
      />
    </div>
  );
}

/** The values that occur, the most frequent first. */
function counted(rows: SearchState['rows'] & object, of: (model: Model) => string | null) {
  const counts = new Map<string, number>();
  for (const row of rows) {
    const value = row ? of(row) : null;
    if (value !== null) {
      counts.set(value, (counts.get(value) ?? 0) + 1);
    }
  }
  return [...counts]
    .sort(([, one], [, other]) => other - one)
    .slice(0, MENU_LIMIT)
    .map(([value]) => ({ value, text: value }));
}

/** What an order is called. */
function sortWord(sort: Filters['sort'], { t }: Host): string {
  return {
    relevance: t('best first'),
    downloads: t('most downloads'),
    likes: t('most likes'),
    updated: t('newest'),
    size: t('largest'),
    name: t('by name'),
    used: t('last used'),
  }[sort];
}
