import { TextButton } from '../components/button';
import { useHost, type Host } from '../host';
import { cleared } from '../model_filters';
import type { Hidden, SearchState } from '../models_query';
import type { Problem } from '../schema';
import { capabilityWord } from './model_figures';
import type { Choose } from './models_controls';

/** The list could not be had: that is no empty list. */
export function ListFailed(props: { readonly problem: Problem; readonly onRetry: () => void }) {
  const { t } = useHost();
  const { message, hint } = props.problem;
  return (
    <div class="mlxm-note" role="alert">
      <strong class="mlxm-failure">{message}</strong>
      {hint !== null && <p>{hint}</p>}
      <TextButton
        text={t('Try again')}
        label={t('Try again to list the models')}
        onPress={props.onRetry}
      />
    </div>
  );
}

/** No rows: why, and the way on. */
export function NothingFound(props: {
  readonly found: SearchState;
  /** Models on this machine, whatever is searched for. */
  readonly here: number;
  readonly choose: Choose;
}) {
  const { found, choose } = props;
  const { answering: filters, hidden } = found;
  const host = useHost();
  const { t, format } = host;
  const words = filters.q.trim();
  const onHub = () => {
    choose({ source: 'hub', sort: 'relevance' }, true);
  };
  if (filters.source === 'local' && props.here === 0 && words === '' && hidden.length === 0) {
    return (
      <div class="mlxm-note">
        <strong>{t('No models on this machine yet')}</strong>
        <p>{t('What you download is listed here, and can be served.')}</p>
        <TextButton
          text={t('Find one on Hugging Face')}
          label={t('Find one on Hugging Face')}
          look="primary"
          onPress={onHub}
        />
      </div>
    );
  }
  return (
    <div class="mlxm-note">
      <strong>
        {hidden.length > 0
          ? t('No model passes the filters')
          : words === ''
            ? t('No models')
            : t('Nothing found for “%1”', words)}
      </strong>
      {hidden.map(({ filter, models }) => (
        <p key={filter?.name ?? 'all'}>
          {filter
            ? t('%1 hides %2', filterWord(filter, host), format.number(models))
            : t('Together the filters hide %1.', format.number(models))}{' '}
          {filter && (
            <TextButton
              text={t('Drop it')}
              label={t('Drop the filter %1', filterWord(filter, host))}
              onPress={() => {
                choose(filter.without, true);
              }}
            />
          )}
        </p>
      ))}
      {hidden.length > 0 && (
        <TextButton
          text={t('Clear filters')}
          label={t('Clear filters')}
          onPress={() => {
            choose(cleared(filters), true);
          }}
        />
      )}
      {hidden.length === 0 && filters.source === 'local' && (
        <TextButton
          text={t('Search on Hugging Face')}
          label={t('Search on Hugging Face')}
          onPress={onHub}
        />
      )}
    </div>
  );
}

/** As its chip is called. */
function filterWord(filter: Hidden['filter'] & object, host: Host): string {
  const { t } = host;
  switch (filter.name) {
    case 'fits':
      return t('fits');
    case 'bits':
      return t('%1-bit', filter.value ?? '');
    case 'family':
    case 'author':
      return filter.value ?? '';
    default:
      return capabilityWord(filter.name, host);
  }
}
