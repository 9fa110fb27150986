import { useLayoutEffect, useRef, useState } from 'preact/hooks';

import { useHost } from '../host';
import { FORM } from '../profile_fields';
import { readField } from '../field_values';
import { usePageId } from '../use_page_id';
import { TextButton } from './button';

/** Asks in place for a name that is free. Enter answers, Escape leaves. */
export function NameQuestion(props: {
  readonly label: string;
  /** What the answer affects. */
  readonly note: string;
  readonly initial: string;
  readonly taken: readonly string[];
  /** What the answer is called: `Rename`. */
  readonly action: string;
  readonly onAnswer: (name: string) => unknown;
  readonly onCancel: () => void;
}) {
  const { t } = useHost();
  const id = usePageId();
  const box = useRef<HTMLInputElement>(null);
  const [name, setName] = useState(props.initial);
  useLayoutEffect(() => {
    box.current?.focus();
    box.current?.select();
  }, []);
  const field = FORM[0]?.fields[0];
  const typed = name.trim();
  const same = typed === props.initial && props.taken.includes(typed);
  const taken = props.taken.includes(typed) && !same;
  const shape = field && typed !== '' ? readField(field, typed, t).wrong : undefined;
  const wrong = taken ? t('There is one of that name.') : shape;
  const answer = () => {
    if (wrong === undefined && typed !== '' && !same) {
      return props.onAnswer(typed);
    }
    box.current?.focus();
    return undefined;
  };
  return (
    <div
      class="mlxm-confirm mlxm-name-question"
      role="group"
      aria-label={props.label}
      onKeyDown={(event) => {
        if (event.key === 'Escape') {
          event.stopPropagation();
          props.onCancel();
        } else if (event.key === 'Enter' && event.target === box.current) {
          event.preventDefault();
          void answer();
        }
      }}
    >
      <input
        ref={box}
        type="text"
        aria-label={props.label}
        aria-describedby={id}
        aria-invalid={wrong !== undefined || undefined}
        value={name}
        autocomplete="off"
        spellcheck={false}
        onInput={({ currentTarget }) => {
          setName(currentTarget.value);
        }}
      />
      <span id={id} class="mlxm-help" role="status" data-wrong={wrong !== undefined}>
        {wrong ?? props.note}
      </span>
      <span class="mlxm-actions">
        <TextButton text={props.action} label={props.action} onPress={answer} />
        <TextButton text={t('Cancel')} label={t('Cancel')} onPress={props.onCancel} />
      </span>
    </div>
  );
}
