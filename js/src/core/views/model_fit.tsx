import { useEffect, useState } from 'preact/hooks';

import { TextButton } from '../components/button';
import { shortModel } from '../format';
import { useHost } from '../host';
import { problemOf } from '../problem';
import type { Fit } from '../schema';
import type { ModelRowProps } from './model_row';

/** Lengths to choose from, in tokens. */
const CONTEXTS = [4096, 8192, 16384, 32768, 65536, 131072, 262144];

/** The memory it would take, against what is free now; and what would fit instead. */
export function FitView({ model, store, search }: ModelRowProps) {
  const { t, format } = useHost();
  const [context, setContext] = useState<number | null>(null);
  const [fit, setFit] = useState<Fit | null>(null);
  const [failure, setFailure] = useState<string | null>(null);
  const { id, context_length: longest, spare_bytes: spare } = model;
  useEffect(() => {
    const question = new AbortController();
    const { signal } = question;
    const asked = {
      command: 'fit',
      id,
      ...(context !== null && { context_length: context }),
    } as const;
    store.send(asked, signal).then(
      (answer) => {
        if (!signal.aborted) {
          setFit(answer);
          setFailure(null);
        }
      },
      (thrown: unknown) => {
        if (!signal.aborted) {
          setFailure(problemOf(thrown).message);
        }
      },
    );
    return () => {
      question.abort();
    };
    // When the row's own figure changes, so do these.
  }, [store, id, context, spare]);

  if (failure !== null) {
    return <p class="mlxm-muted">{failure}</p>;
  }
  if (fit === null) {
    return <p class="mlxm-muted">{t('Asking how much memory it takes…')}</p>;
  }
  const parts = [
    t('weights %1', format.memory(fit.weights_bytes)),
    t('cache %1', format.memory(fit.cache_bytes)),
    t('engine %1', format.memory(fit.overhead_bytes)),
  ];
  const lengths = [...new Set([...CONTEXTS, fit.context_length])]
    .filter((tokens) => longest === null || tokens <= longest)
    .sort((one, other) => one - other);
  const { alternative } = fit;
  return (
    <div class="mlxm-fit" data-verdict={fit.verdict}>
      <p>{fit.reason}</p>
      <p class="mlxm-muted">
        {parts.join(' + ')} = {format.memory(fit.needed_bytes)} ·{' '}
        {t('free now: %1', format.memory(fit.available_bytes))} ·{' '}
        {fit.measured > 0 ? t('by %1 runs on this machine', fit.measured) : t('by a rule of thumb')}
      </p>
      <label class="mlxm-muted">
        {t('Context')}{' '}
        <select
          value={String(fit.context_length)}
          onChange={({ currentTarget }) => {
            setContext(Number(currentTarget.value));
          }}
        >
          {lengths.map((tokens) => (
            <option key={tokens} value={String(tokens)}>
              {t('%1 tokens', format.number(tokens))}
            </option>
          ))}
        </select>
      </label>
      {alternative && (
        <p>
          {t('%1 needs %2.', shortModel(alternative.id), format.room(alternative.needed_bytes))}{' '}
          <TextButton
            text={t('Show it')}
            label={t('Show %1', shortModel(alternative.id))}
            onPress={() => {
              search(alternative.id);
            }}
          />
        </p>
      )}
    </div>
  );
}
