import { useLayoutEffect, useRef, useState } from 'preact/hooks';

import { TextButton } from '../components/button';
import { Alert } from '../components/notes';
import { useHost, type Host, type Keys } from '../host';
import { problemOf } from '../problem';
import type { NewKey, Problem } from '../schema';
import { usePageId } from '../use_page_id';

const DAY_SECONDS = 86_400;
/** What `CreateKey` of the extension takes. */
const LONGEST_LABEL = 80;
const HIGHEST_RATE = 1_000_000;

interface KeyFormProps {
  readonly keys: Keys;
  /** Names of all profiles that there are. */
  readonly profiles: readonly string[];
  readonly onCreated: (made: NewKey) => unknown;
  readonly onCancel: () => void;
}

/** Asks in place what a new key is for. Enter makes it, Escape leaves. */
export function KeyForm({ keys, profiles, onCreated, onCancel }: KeyFormProps) {
  const { t } = useHost();
  const id = usePageId();
  const form = useRef<HTMLFormElement>(null);
  const [label, setLabel] = useState('');
  const [days, setDays] = useState(0);
  const [scope, setScope] = useState<readonly string[]>([]);
  const [rate, setRate] = useState('');
  const [tried, setTried] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  useLayoutEffect(() => {
    form.current?.querySelector('input')?.focus();
    // The last section of a panel unfolds beyond its edge.
    form.current?.scrollIntoView({ block: 'nearest' });
  }, []);
  const wrong = tried ? wrongOf(label, rate, t) : {};

  const create = async () => {
    setTried(true);
    const { label: unnamed, rate: unread } = wrongOf(label, rate, t);
    if (unnamed !== undefined || unread !== undefined) {
      const field = unnamed === undefined ? 'rate' : 'label';
      form.current?.querySelector<HTMLElement>(`[data-field=${field}] input`)?.focus();
      return;
    }
    setProblem(null);
    try {
      const made = await keys.create({
        label: label.trim(),
        expires_in_seconds: days === 0 ? null : days * DAY_SECONDS,
        profiles: scope,
        requests_per_minute: rate.trim() === '' ? null : Number(rate),
      });
      await onCreated(made);
    } catch (thrown) {
      setProblem(problemOf(thrown));
    }
  };
  const pressed = (event: KeyboardEvent) => {
    if (event.key === 'Escape') {
      event.stopPropagation();
      onCancel();
    } else if (event.key === 'Enter' && event.target instanceof HTMLInputElement) {
      event.preventDefault();
      // The button knows whether it was pressed already.
      form.current?.querySelector<HTMLElement>('.mlxm-primary')?.click();
    }
  };
  return (
    <form
      class="mlxm-key-form"
      aria-label={t('New key')}
      ref={form}
      onKeyDown={pressed}
      onSubmit={(event) => {
        event.preventDefault();
      }}
    >
      <TextField
        name="label"
        label={t('Label')}
        text={label}
        placeholder={t('such as %1', t('my editor'))}
        wrong={wrong.label}
        onType={setLabel}
      />
      <div class="mlxm-field">
        <label for={id}>{t('Ends after')}</label>
        <div class="mlxm-control">
          <select
            id={id}
            value={String(days)}
            onChange={({ currentTarget }) => {
              setDays(Number(currentTarget.value));
            }}
          >
            <option value="0">{t('never')}</option>
            <option value="1">{t('1 day')}</option>
            <option value="30">{t('30 days')}</option>
            <option value="365">{t('1 year')}</option>
          </select>
        </div>
      </div>
      <Scope profiles={profiles} chosen={scope} onChoose={setScope} />
      <TextField
        name="rate"
        label={t('Requests per minute')}
        text={rate}
        placeholder={t('no limit')}
        number
        wrong={wrong.rate}
        onType={setRate}
      />
      {problem && (
        <Alert
          problem={problem}
          onDismiss={() => {
            setProblem(null);
          }}
        />
      )}
      <span class="mlxm-actions">
        <TextButton
          text={t('Create')}
          label={t('Create the key')}
          look="primary"
          onPress={create}
        />
        <TextButton text={t('Cancel')} label={t('Cancel')} onPress={onCancel} />
      </span>
    </form>
  );
}

interface Wrong {
  readonly label?: string;
  readonly rate?: string;
}

/** What is to be said against what is typed. */
function wrongOf(label: string, rate: string, t: Host['t']): Wrong {
  const typed = rate.trim();
  const perMinute = Number(typed);
  const readable = Number.isInteger(perMinute) && perMinute >= 1 && perMinute <= HIGHEST_RATE;
  return {
    ...(label.trim() === '' && { label: t('Say what it is for: the list shows it.') }),
    ...(typed !== '' && !readable && { rate: t('A whole number from 1, or nothing.') }),
  };
}

function TextField(props: {
  readonly name: string;
  readonly label: string;
  readonly text: string;
  readonly placeholder: string;
  readonly number?: boolean;
  readonly wrong: string | undefined;
  readonly onType: (text: string) => void;
}) {
  const id = usePageId();
  const { wrong, number } = props;
  return (
    <div class="mlxm-field" data-field={props.name} data-wrong={wrong !== undefined}>
      <label for={id}>{props.label}</label>
      <div class="mlxm-control">
        <input
          id={id}
          type="text"
          inputMode={number === true ? 'numeric' : 'text'}
          data-number={number}
          aria-describedby={`${id}-help`}
          aria-invalid={wrong !== undefined || undefined}
          placeholder={props.placeholder}
          value={props.text}
          maxLength={LONGEST_LABEL}
          autocomplete="off"
          spellcheck={false}
          onInput={({ currentTarget }) => {
            props.onType(currentTarget.value);
          }}
        />
      </div>
      <p id={`${id}-help`} class="mlxm-help" role="status">
        {wrong}
      </p>
    </div>
  );
}

/** What the key opens. */
function Scope(props: {
  readonly profiles: readonly string[];
  readonly chosen: readonly string[];
  readonly onChoose: (names: readonly string[]) => void;
}) {
  const { t } = useHost();
  const { chosen } = props;
  // One that was chosen and is gone stays in sight: without it the key would open everything.
  const names = [...new Set([...props.profiles, ...chosen])];
  if (names.length === 0) {
    return null;
  }
  return (
    <fieldset class="mlxm-field mlxm-key-scope">
      <legend>{t('Opens')}</legend>
      <div class="mlxm-key-profiles">
        {names.map((name) => (
          <label key={name} title={name}>
            <input
              type="checkbox"
              checked={chosen.includes(name)}
              onChange={({ currentTarget }) => {
                const others = chosen.filter((other) => other !== name);
                props.onChoose(currentTarget.checked ? [...others, name] : others);
              }}
            />
            <span>{name}</span>
          </label>
        ))}
      </div>
      <p class="mlxm-help" role="status">
        {chosen.length === 0
          ? t('None is chosen: it opens all models.')
          : t('Only what is chosen.')}
      </p>
    </fieldset>
  );
}
