import { useEffect, useState } from 'preact/hooks';

import { useHost } from '../host';
import { IconButton } from './button';

const FEEDBACK_MS = 1600;

/** Copies a text and says so for a moment. */
export function CopyButton({ label, text }: { readonly label: string; readonly text: string }) {
  const host = useHost();
  const { t } = host;
  const [outcome, setOutcome] = useState<string | null>(null);
  useEffect(() => {
    if (outcome === null) {
      return undefined;
    }
    const timer = setTimeout(() => {
      setOutcome(null);
    }, FEEDBACK_MS);
    return () => {
      clearTimeout(timer);
    };
  }, [outcome]);

  const press = () =>
    host.copy(text).then(
      () => {
        setOutcome(t('Copied'));
      },
      () => {
        setOutcome(t('Not allowed'));
      },
    );
  return (
    <span class="mlxm-copy">
      <IconButton icon={outcome === null ? 'copy' : 'check'} label={label} onPress={press} />
      <span class="mlxm-bubble" role="status">
        {outcome}
      </span>
    </span>
  );
}
