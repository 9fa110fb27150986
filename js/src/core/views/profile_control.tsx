import type { JSX } from 'preact';

import { useHost, type Translate } from '../host';
import type { FormField } from '../profile_fields';

/** What a control needs to be labelled, described and heard. */
export interface ControlProps {
  readonly field: FormField;
  readonly id: string;
  readonly text: string;
  readonly describedBy: string;
  readonly wrong: boolean;
  /** Id of a list of things to type. */
  readonly list?: string | undefined;
  /** What a choice says of an option that can't be had now. */
  readonly note?: ((option: string) => string | null) | undefined;
  readonly onType: (text: string) => void;
  readonly onLeave: () => void;
}

/** The input of a field; while it is empty it says what happens without a value. */
export function Control(props: ControlProps): JSX.Element {
  const { field, id, text } = props;
  const { t } = useHost();
  const shared = {
    id,
    'aria-describedby': props.describedBy,
    'aria-invalid': props.wrong || undefined,
    onBlur: props.onLeave,
  };
  if (field.kind === 'switch') {
    const on = text === '' ? field.initial === true : text === 'true';
    return (
      <input
        {...shared}
        type="checkbox"
        checked={on}
        onChange={({ currentTarget }) => {
          props.onType(String(currentTarget.checked));
        }}
      />
    );
  }
  if (field.kind === 'choice') {
    return (
      <select
        {...shared}
        value={text === '' && typeof field.initial === 'string' ? field.initial : text}
        onChange={({ currentTarget }) => {
          props.onType(currentTarget.value);
        }}
      >
        {field.initial === null && <option value="">{t(field.unset)}</option>}
        {field.options?.map((option) => (
          <option key={option} value={String(option)}>
            {[String(option), props.note?.(String(option))].filter(Boolean).join(' ')}
          </option>
        ))}
      </select>
    );
  }
  const typed = {
    ...shared,
    placeholder: placeholderOf(field, t),
    value: text,
    autocomplete: 'off',
    autocapitalize: 'off' as const,
    spellcheck: field.name === 'description' || field.name === 'system_prompt',
    onInput: ({ currentTarget }: { readonly currentTarget: { readonly value: string } }) => {
      props.onType(currentTarget.value);
    },
  };
  if (field.long === true) {
    return <textarea {...typed} rows={3} />;
  }
  const number = field.kind === 'integer' || field.kind === 'number';
  return (
    <input
      {...typed}
      type="text"
      inputMode={number ? 'decimal' : 'text'}
      {...(props.list !== undefined && { list: props.list })}
      data-number={number || undefined}
    />
  );
}

/** What holds without a value; where that is nothing, something to type. */
function placeholderOf({ unset, example, unit }: FormField, t: Translate): string {
  // Beside a unit there is more room for an example than in a box for a number.
  if (unit !== undefined) {
    return t(unset);
  }
  const nothing = unset === 'none' || unset === 'required';
  if (example !== undefined && nothing) {
    return t('such as %1', example.split('\n')[0] ?? '');
  }
  return example !== undefined ? t('%1; such as %2', t(unset), example) : t(unset);
}
