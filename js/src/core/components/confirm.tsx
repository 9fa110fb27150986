import { useLayoutEffect, useRef } from 'preact/hooks';

import { useHost } from '../host';
import { TextButton } from './button';

/**
 * A question in place, before something that can't be undone. The keyboard is on the way out, and
 * Escape takes it.
 */
export function Confirm(props: {
  readonly question: string;
  /** What yes is called: `Delete`. */
  readonly action: string;
  readonly keep?: string;
  readonly onConfirm: () => unknown;
  readonly onCancel: () => void;
}) {
  const { t } = useHost();
  const box = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    box.current?.querySelector<HTMLElement>('button:last-of-type')?.focus();
  }, []);
  const keep = props.keep ?? t('Keep');
  return (
    <div
      class="mlxm-confirm"
      role="group"
      aria-label={props.question}
      ref={box}
      onKeyDown={(event) => {
        if (event.key === 'Escape') {
          event.stopPropagation();
          props.onCancel();
        }
      }}
    >
      <span>{props.question}</span>
      <span class="mlxm-actions">
        <TextButton
          text={props.action}
          label={props.action}
          look="danger"
          onPress={props.onConfirm}
        />
        <TextButton text={keep} label={keep} onPress={props.onCancel} />
      </span>
    </div>
  );
}
