import type { RefObject } from 'preact';
import { useRef, useState } from 'preact/hooks';

import { IconButton, TextButton } from '../components/button';
import { Note } from '../components/notes';
import { Section } from '../components/section';
import { useKeptFocus } from '../hooks';
import { useHost, type Keys } from '../host';
import { problemOf } from '../problem';
import type { Key, NewKey, Problem } from '../schema';
import type { State } from '../store';
import { useKeys, type KeyList } from '../use_keys';
import { KeyForm } from './key_form';
import { KeyRow, keyName } from './key_row';
import { KeySecret } from './key_secret';

interface KeysProps {
  readonly state: State;
}

/** The *Keys* section, where the host has keys. Folded at first: most never need one of their own. */
export function KeysView({ state }: KeysProps) {
  const { keys } = useHost();
  return keys ? <KeysSection state={state} keys={keys} /> : null;
}

function KeysSection({ state, keys }: KeysProps & { readonly keys: Keys }) {
  const { t } = useHost();
  const section = useRef<HTMLElement>(null);
  const [open, setOpen] = useState(false);
  const list = useKeys(keys, open && state.connection.status === 'live');
  const [making, setMaking] = useState<'form' | NewKey | null>(null);
  const [said, setSaid] = useState('');
  const leave = () => {
    section.current?.querySelector<HTMLElement>('header .mlxm-icon-button')?.focus();
    setMaking(null);
  };
  const pressNew = () => {
    setOpen(true);
    setSaid('');
    if (making === null) {
      setMaking('form');
    } else if (making === 'form' && open) {
      setMaking(null);
    } // A secret in sight is not thrown away by pressing twice.
  };
  const created = (made: NewKey) => {
    setMaking(made);
    setSaid(t('Key created'));
    return list.read();
  };
  return (
    <Section
      title={t('Keys')}
      aside={
        <IconButton
          icon="plus"
          label={t('New key')}
          expanded={open && making !== null}
          onPress={pressNew}
        />
      }
      kind="keys"
      fold={{ open, onToggle: setOpen }}
      element={section}
    >
      <div class="mlxm-hidden" role="status">
        {said}
      </div>
      {making === 'form' && (
        <KeyForm
          keys={keys}
          profiles={state.profiles.map(({ name }) => name)}
          onCreated={created}
          onCancel={leave}
        />
      )}
      {making !== null && making !== 'form' && <KeySecret made={making} onDone={leave} />}
      <List keys={keys} list={list} say={setSaid} section={section} />
    </Section>
  );
}

interface ListProps {
  readonly keys: Keys;
  readonly list: KeyList;
  /** Tells a screen reader. */
  readonly say: (text: string) => void;
  readonly section: RefObject<HTMLElement>;
}

function List({ keys, list, say, section }: ListProps) {
  const { t } = useHost();
  useKeptFocus(section);
  const [asked, setAsked] = useState<string | null>(null);
  const [failed, setFailed] = useState<{ id: string; problem: Problem } | null>(null);
  const revoke = async (key: Key) => {
    setFailed(null);
    try {
      await keys.revoke(key.id);
      say(t('%1 revoked', keyName(key)));
    } catch (thrown) {
      setFailed({ id: key.id, problem: problemOf(thrown) });
    }
    setAsked(null);
    // Also after a failure: the key may have ended by itself.
    await list.read();
  };
  if (list.problem !== null) {
    return <Unread {...list} problem={list.problem} />;
  }
  if (list.all === null) {
    return <Note title={t('Reading the keys…')} />;
  }
  if (list.all.length === 0) {
    return (
      <Note title={t('No keys yet')}>
        <p>
          {t(
            'A key lets a program of yours, such as an editor, talk to your models. Notebooks make their own.',
          )}
        </p>
      </Note>
    );
  }
  return (
    <ul class="mlxm-rows" role="list">
      {list.all.map((key) => (
        <KeyRow
          key={key.id}
          of={key}
          asked={asked === key.id}
          problem={failed?.id === key.id ? failed.problem : null}
          onAsk={setAsked}
          onRevoke={() => revoke(key)}
          onDismiss={() => {
            setFailed(null);
          }}
        />
      ))}
    </ul>
  );
}

function Unread({ problem, read }: KeyList & { readonly problem: Problem }) {
  const { t } = useHost();
  return (
    <div class="mlxm-note">
      <span class="mlxm-failure" role="alert">
        {[problem.message, problem.hint].filter(Boolean).join(' ')}
      </span>
      <TextButton text={t('Try again')} label={t('Try to read the keys again')} onPress={read} />
    </div>
  );
}
