import { IconButton } from '../components/button';
import { Prose } from '../components/prose';
import { useHost } from '../host';
import type { FormField } from '../profile_fields';
import type { Suggestion } from '../schema';
import { showField } from '../field_values';
import { usePageId } from '../use_page_id';
import { Control } from './profile_control';

export interface FieldProps {
  readonly field: FormField;
  /** Empty while it is unset. */
  readonly text: string;
  /** What is to be said against it. */
  readonly problem: string | undefined;
  readonly suggestions: readonly Suggestion[];
  readonly list?: string | undefined;
  readonly note?: ((option: string) => string | null) | undefined;
  readonly onType: (text: string) => void;
  readonly onLeave: () => void;
}

/** One field: label, control, what it means or what is wrong with it, and a way back to unset. */
export function Field(props: FieldProps) {
  const { field, text, problem } = props;
  const { t } = useHost();
  const id = usePageId();
  const label = t(field.label);
  const set = text !== '';
  /** The button that was pressed goes; the keyboard goes where its effect is. */
  const put = (value: string) => {
    props.onType(value);
    document.getElementById(id)?.focus();
  };
  return (
    <div
      class="mlxm-field"
      data-field={field.name}
      data-kind={field.kind}
      data-set={set}
      data-wrong={problem !== undefined}
    >
      <label for={id}>{label}</label>
      <div class="mlxm-control">
        <Control {...props} id={id} describedBy={`${id}-help`} wrong={problem !== undefined} />
        {field.kind === 'switch' && !set && <span class="mlxm-unit">{t(field.unset)}</span>}
        {field.unit !== undefined && !saysUnit(text) && (
          <span class="mlxm-unit">
            {field.example === undefined
              ? t(field.unit)
              : t('%1, such as %2', t(field.unit), field.example)}
          </span>
        )}
        <span class="mlxm-reset" data-shown={set}>
          <IconButton
            icon="reset"
            label={t('Reset %1: %2', label, t(field.unset))}
            onPress={() => {
              put('');
            }}
          />
        </span>
      </div>
      <p id={`${id}-help`} class="mlxm-help">
        <Prose text={problem ?? t(field.help)} />
      </p>
      <Suggestions {...props} put={put} />
    </div>
  );
}

/** Values that the model suggests, each with its reason; pressed, they are typed. */
function Suggestions(props: FieldProps & { readonly put: (value: string) => void }) {
  const { field, text, suggestions, put } = props;
  const { t } = useHost();
  const others = suggestions
    .map((suggestion) => ({ ...suggestion, shown: showField(field, suggestion.value) }))
    .filter(({ shown }) => shown !== text);
  if (others.length === 0) {
    return null;
  }
  return (
    <div class="mlxm-suggestions">
      {others.map(({ shown, reason, proven }) => (
        <button
          key={shown}
          type="button"
          class="mlxm-suggestion"
          aria-label={t('Set %1 to %2: %3', t(field.label), shown, reason)}
          onClick={() => {
            put(shown);
          }}
        >
          <b>{shown}</b> <span>{proven ? t('tried: %1', reason) : reason}</span>
        </button>
      ))}
    </div>
  );
}

/** `20 m`, `4 GB`. */
export function saysUnit(text: string): boolean {
  return /\d\s*[a-z]+$/i.test(text.trim());
}
