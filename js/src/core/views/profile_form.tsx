import { render as draw } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';

import { Note } from '../components/notes';
import { SearchBox } from '../components/search_box';
import { useStore } from '../hooks';
import { HostProvider, PLAIN_HOST, useHost, type Host, type ProfileSubject } from '../host';
import { isDirty, ProfileEditor } from '../profile_editor';
import type { Profile } from '../schema';
import type { State, Store } from '../store';
import { FormBar } from './profile_form_bar';
import { FormSections } from './profile_form_sections';
import { useLocalModels } from './profile_models';

/** What a form tells whoever shows it. */
export interface FormStatus {
  /** As it is saved; null for a new one. */
  readonly name: string | null;
  readonly dirty: boolean;
}

interface FormOptions {
  readonly subject: ProfileSubject;
  /** The form is done with: saved or discarded, by whoever looks at it. */
  readonly onLeave: () => void;
  readonly onStatus?: (status: FormStatus) => void;
}

/** Draws a profile's form into `el` until `signal` aborts. */
export function renderProfileForm(
  el: HTMLElement,
  store: Store,
  signal: AbortSignal,
  options: FormOptions,
  host: Host = PLAIN_HOST,
): void {
  el.classList.add('mlxm-root');
  draw(
    <HostProvider value={host}>
      <FormPage store={store} {...options} />
    </HostProvider>,
    el,
  );
  signal.addEventListener('abort', () => {
    draw(null, el);
  });
}

function FormPage(props: FormOptions & { readonly store: Store }) {
  const { t } = useHost();
  const state = useStore(props.store);
  return (
    <div class="mlxm-panel mlxm-form-page" data-connection={state.connection.status}>
      {state.hardware === null ? (
        <Note title={t('Connecting…')} />
      ) : (
        <ProfileForm {...props} state={state} />
      )}
    </div>
  );
}

type FormProps = FormOptions & { readonly store: Store; readonly state: State };

/** The form of one profile, wherever it stands. */
export function ProfileForm(props: FormProps) {
  const { state, subject } = props;
  const { t } = useHost();
  const [saved] = useState(() => state.profiles.find(({ name }) => name === subject.name) ?? null);
  if (subject.name !== undefined && saved === null) {
    return <Note title={t('There is no profile %1.', subject.name)} />;
  }
  return <Editing {...props} saved={saved} />;
}

function Editing(props: FormProps & { readonly saved: Profile | null }) {
  const { state, store, subject, onStatus } = props;
  const { t } = useHost();
  const [editor] = useState(
    () =>
      new ProfileEditor(
        store,
        t,
        props.saved,
        subject.name === undefined ? subject.values : undefined,
      ),
  );
  const edited = useStore(editor);
  const [find, setFind] = useState('');
  const [leaving, setLeaving] = useState(false);
  const form = useRef<HTMLFormElement>(null);
  const models = useLocalModels(store);
  const dirty = isDirty(edited);
  const name = edited.saved?.name ?? null;

  useEffect(
    () => () => {
      editor.end();
    },
    [editor],
  );
  useEffect(() => {
    editor.follow(state.profiles.find((profile) => profile.name === name));
  }, [editor, state.profiles, name]);
  useEffect(() => {
    onStatus?.({ name, dirty });
  }, [onStatus, name, dirty]);
  useEffect(() => {
    form.current?.querySelector<HTMLElement>('[data-field=name] input')?.focus();
  }, []);

  const leave = () => {
    if (dirty) {
      setLeaving(true);
    } else {
      props.onLeave();
    }
  };
  const save = async () => {
    setFind('');
    if ((await editor.save()) === null) {
      // By then what is wrong is drawn, its section unfolded.
      setTimeout(() => form.current?.querySelector<HTMLElement>('[aria-invalid]')?.focus());
    }
  };
  const pressed = (event: KeyboardEvent) => {
    const el = event.target as HTMLElement;
    const typing = el.matches('input:not([type=search])') || el.matches('select');
    const anywhere = event.ctrlKey || event.metaKey;
    if (event.key === 'Enter' && (typing || (anywhere && el.matches('textarea')))) {
      event.preventDefault();
      void save();
    } else if (event.key === 'Escape') {
      event.stopPropagation();
      leave();
    }
  };
  const title = name ?? t('New profile');
  const shared = { state, store, editor, edited };
  return (
    <form
      class="mlxm-form"
      ref={form}
      aria-label={name === null ? title : t('Profile %1', name)}
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
      }}
      onKeyDown={pressed}
    >
      <div class="mlxm-form-head">
        <h2>{title}</h2>
        <EngineLine state={state} engine={edited.check?.engine ?? null} />
        <SearchBox
          label={t('Find a setting')}
          placeholder={t('Find a setting')}
          value={find}
          busy={false}
          onSearch={setFind}
          onLeave={() => form.current?.querySelector<HTMLElement>('.mlxm-field input')?.focus()}
        />
      </div>
      <FormSections {...shared} find={find} models={models} />
      <FormBar
        {...shared}
        dirty={dirty}
        leaving={leaving}
        onSave={save}
        onLeave={leave}
        onDiscard={() => {
          setLeaving(false);
          editor.discard();
          props.onLeave();
        }}
        onStay={() => {
          setLeaving(false);
        }}
      />
    </form>
  );
}

/** Which engine these values would run on. */
function EngineLine({ state, engine }: { readonly state: State; readonly engine: string | null }) {
  const { t } = useHost();
  const found = state.engines.find(({ kind, selected }) => selected && kind === engine);
  const text =
    engine === null || engine === 'auto'
      ? ''
      : t('runs on %1', [engine, found?.version].filter(Boolean).join(' '));
  return <span class="mlxm-muted">{text}</span>;
}
