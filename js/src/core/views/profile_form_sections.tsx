import { Fragment } from 'preact';
import { useState } from 'preact/hooks';

import { Disclosure } from '../components/disclosure';
import { useHost, type Translate } from '../host';
import { opensHost, readDraft, rootOf, type Draft } from '../profile_draft';
import { saidProblems, type EditorState, type ProfileEditor } from '../profile_editor';
import { FORM, type FormField, type FormSection } from '../profile_fields';
import type { ProfileCheck, Suggestion } from '../schema';
import type { State } from '../store';
import { usePageId } from '../use_page_id';
import { Field } from './profile_field';
import { StartingPoints } from './profile_starting_points';

/** What every profile has, whatever runs it. */
const ALWAYS: ReadonlySet<string> = new Set(['name', 'model', 'engine', 'description']);

/** What most people come for. */
const UNFOLDED: ReadonlySet<string> = new Set(['model', 'sampling']);

/** Fields that take the id of a model. */
const MODEL_FIELDS: ReadonlySet<string> = new Set(['model', 'draft_model']);

interface SectionsProps {
  readonly state: State;
  readonly editor: ProfileEditor;
  readonly edited: EditorState;
  /** Words that a field must have to be shown. */
  readonly find: string;
  readonly models: readonly string[];
}

/** The fields in their sections: what the engine honours, and apart from that what it does not. */
export function FormSections(props: SectionsProps) {
  const { edited, find } = props;
  const { t } = useHost();
  const list = usePageId();
  const [toggled, setToggled] = useState<Readonly<Record<string, boolean>>>({});
  const { check, draft } = edited;
  const problems = saidProblems(edited, t);
  const known = check !== null || edited.unchecked !== null;
  const field = (one: FormField) => (
    <Fragment key={one.name}>
      <OneField {...props} field={one} problem={problems[one.name]} list={list} />
      {one.name === 'model' && edited.saved === null && <StartingPoints {...props} />}
    </Fragment>
  );
  const section = (one: FormSection) => {
    const fields = one.fields.filter(
      (each) => isShown(each, check, draft) && matches(each, find, t),
    );
    const set = fields.filter(({ name }) => draft[name] !== undefined).length;
    const wrong = fields.filter(({ name }) => problems[name] !== undefined).length;
    // The others follow once it is known what the engine honours: a field must not come and go.
    if (fields.length === 0 || (!known && one.key !== 'model')) {
      return null;
    }
    const aside = wrong > 0 ? t('%1 to correct', wrong) : set > 0 ? t('%1 set', set) : null;
    const open = toggled[one.key] ?? (UNFOLDED.has(one.key) || set > 0);
    return (
      <Disclosure
        key={one.key}
        title={t(one.title)}
        aside={aside}
        open={open || wrong > 0 || find !== ''}
        onToggle={(on) => {
          setToggled({ ...toggled, [one.key]: on });
        }}
      >
        {fields.map(field)}
        {one.key === 'model' &&
          check?.notes.map((note) => (
            <p key={note} class="mlxm-form-note">
              {note}
            </p>
          ))}
      </Disclosure>
    );
  };
  const sections = FORM.map(section);
  const ignored = FORM.flatMap(({ fields }) => fields).filter(
    (one) => draft[one.name] !== undefined && !isHonoured(one, check),
  );
  return (
    <>
      <datalist id={list}>
        {props.models.map((id) => (
          <option key={id} value={id} />
        ))}
      </datalist>
      {sections}
      {find !== '' && sections.every((one) => one === null) && (
        <p class="mlxm-form-note">{t('No setting of this engine is called that.')}</p>
      )}
      {ignored.length > 0 && find === '' && (
        <Disclosure
          title={t('Not honoured by %1', check?.engine ?? '')}
          aside={t('%1 set', ignored.length)}
          open={toggled.ignored ?? true}
          onToggle={(on) => {
            setToggled({ ...toggled, ignored: on });
          }}
        >
          {ignored.map(field)}
        </Disclosure>
      )}
    </>
  );
}

function OneField(
  props: SectionsProps & {
    readonly field: FormField;
    readonly problem: string | undefined;
    readonly list: string;
  },
) {
  const { editor, edited, field, state } = props;
  const { t } = useHost();
  const note = (option: string) => {
    const installed = state.engines.filter(({ kind }) => kind === option);
    const looked = state.engines.length > 0 && option.startsWith('mlx-');
    return looked && installed.every(({ problem }) => problem !== null)
      ? t('(not installed)')
      : null;
  };
  return (
    <Field
      field={field}
      text={edited.draft[field.name] ?? ''}
      problem={props.problem}
      suggestions={suggestionsFor(field, edited, t)}
      list={MODEL_FIELDS.has(field.name) ? props.list : undefined}
      note={field.name === 'engine' ? note : undefined}
      onType={(text) => {
        editor.type(field, text);
      }}
      onLeave={() => {
        editor.touch(field.name);
      }}
    />
  );
}

/** Of the model, and of a renaming: that the old name goes on working. */
function suggestionsFor(
  field: FormField,
  { check, draft, saved }: EditorState,
  t: Translate,
): readonly Suggestion[] {
  const found = check?.suggestions.filter((suggestion) => suggestion.field === field.name) ?? [];
  const renamed = saved !== null && draft.name !== undefined && draft.name !== saved.name;
  if (field.name !== 'aliases' || !renamed) {
    return found;
  }
  const aliases = readDraft(draft, t).values.aliases as readonly string[] | undefined;
  if (aliases?.includes(saved.name) === true) {
    return found;
  }
  const value = [...(aliases ?? []), saved.name];
  const reason = t('what says %1 goes on working', saved.name);
  return [...found, { field: field.name, value, reason, proven: false }];
}

function isHonoured(field: FormField, check: ProfileCheck | null): boolean {
  return check === null || ALWAYS.has(field.name) || check.honoured.includes(rootOf(field.name));
}

function isShown(field: FormField, check: ProfileCheck | null, draft: Draft): boolean {
  // A confirmation of nothing would only worry people.
  const pointless =
    field.name === 'host_confirmed' && !opensHost(draft) && draft.host_confirmed === undefined;
  return isHonoured(field, check) && !pointless;
}

function matches(field: FormField, find: string, t: Translate): boolean {
  const text = `${field.name} ${t(field.label)} ${t(field.help)}`.toLowerCase();
  return find
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}
