import { useLayoutEffect, useRef, useState } from 'preact/hooks';

import { TextButton } from '../components/button';
import { Confirm } from '../components/confirm';
import { NameQuestion } from '../components/name_question';
import { saveFile } from '../files';
import { useHost, type Host } from '../host';
import { draftOf, FIELDS } from '../profile_draft';
import type { ProbeFinding, Profile, Server } from '../schema';
import type { ProfileRowProps } from './profile_row';
import { isRunning } from './figures';
import { saysUnit } from './profile_field';

type MoreProps = ProfileRowProps & {
  readonly server: Server | undefined;
  readonly done: () => void;
};

type Question = 'copy' | 'rename' | 'delete';

/** Unfolded in a row: what is set in a profile, and what else can be done with it. */
export function ProfileMore(props: MoreProps) {
  const { profile, notes, server } = props;
  const { t } = useHost();
  const [question, setQuestion] = useState<Question | null>(null);
  const box = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    // The last section of a panel unfolds beyond its edge.
    box.current?.scrollIntoView({ block: 'nearest' });
  }, [question]);
  const { name } = profile;
  const ask = (what: Question) => () => {
    setQuestion(what);
  };
  const answered = () => {
    setQuestion(null);
  };
  const exportIt = () =>
    notes.run(
      name,
      { command: 'export_profiles', name },
      {
        said: (document) => {
          saveFile(`${name}.json`, `${JSON.stringify(document, null, 2)}\n`);
          return t('Saved as %1.', `${name}.json`);
        },
      },
    );
  return (
    <div class="mlxm-details" ref={box}>
      <Facts profile={profile} />
      {question === null ? (
        <span class="mlxm-actions">
          <TextButton
            text={t('Edit')}
            label={t('Edit %1', name)}
            onPress={() => {
              props.open({ name });
              props.done();
            }}
          />
          {server?.restart_to_apply === true && (
            <TextButton
              text={t('Restart')}
              label={t('Restart %1 to apply what was changed', server.name)}
              onPress={() => notes.run(name, { command: 'restart', name: server.name })}
            />
          )}
          {server?.state === 'ready' && (
            <TextButton
              text={t('Try')}
              label={t('Try %1 with a tool, a thought and a schema', name)}
              onPress={() =>
                notes.run(
                  name,
                  { command: 'probe_profile', name },
                  {
                    busy: t('Asking for a tool call, a thought and a schema…'),
                    said: ({ findings }) => findings.map((one) => findingText(one, t)).join(' '),
                  },
                )
              }
            />
          )}
          <TextButton text={t('Duplicate')} label={t('Duplicate %1', name)} onPress={ask('copy')} />
          <TextButton text={t('Rename')} label={t('Rename %1', name)} onPress={ask('rename')} />
          <TextButton text={t('Export')} label={t('Export %1', name)} onPress={exportIt} />
          <TextButton text={t('Delete')} label={t('Delete %1', name)} onPress={ask('delete')} />
        </span>
      ) : (
        <Asking {...props} question={question} onAnswer={answered} />
      )}
    </div>
  );
}

function Asking(props: MoreProps & { readonly question: Question; readonly onAnswer: () => void }) {
  const { profile, state, notes, onAnswer } = props;
  const host = useHost();
  const { t } = host;
  const { name } = profile;
  const taken = state.profiles.map((other) => other.name);
  switch (props.question) {
    case 'copy':
      return (
        <NameQuestion
          label={t('Name of the copy')}
          note={t('All but the name is the same, the port and the start with Jupyter included.')}
          initial={freeName(name, taken)}
          taken={taken}
          action={t('Duplicate')}
          onAnswer={async (to) => {
            if (await notes.run(name, { command: 'copy_profile', name, to })) {
              onAnswer();
            }
          }}
          onCancel={onAnswer}
        />
      );
    case 'rename':
      return (
        <NameQuestion
          label={t('New name')}
          note={renameText(props, host)}
          initial={name}
          taken={taken}
          action={t('Rename')}
          onAnswer={async (to) => {
            const values = { name: to };
            if (await notes.run(name, { command: 'edit_profile', name, values })) {
              props.done();
            }
          }}
          onCancel={onAnswer}
        />
      );
    case 'delete':
      return (
        <Confirm
          question={deleteText(props, host)}
          action={t('Delete')}
          onConfirm={async () => {
            await notes.run(name, { command: 'delete_profile', name });
            onAnswer();
          }}
          onCancel={onAnswer}
        />
      );
  }
}

function findingText({ what, works, detail }: ProbeFinding, t: Host['t']): string {
  const subject = { tools: t('tools'), reasoning: t('thinking'), schema: t('schemas') }[what];
  if (works) {
    return what === 'reasoning' ? t('%1 works.', subject) : t('%1 work.', subject);
  }
  return what === 'reasoning'
    ? t('%1 does not: %2', subject, detail)
    : t('%1 do not: %2', subject, detail);
}

/** What is set, as its form would say it. */
function Facts({ profile }: { readonly profile: Profile }) {
  const { t } = useHost();
  const draft = draftOf(profile as unknown as Readonly<Record<string, unknown>>);
  const set = FIELDS.filter(({ name }) => name !== 'name' && draft[name] !== undefined);
  return (
    <dl>
      {set.map((field) => (
        <Fact
          key={field.name}
          label={t(field.label)}
          text={field.kind === 'switch' ? switchText(draft[field.name], t) : draft[field.name]}
          unit={field.unit === undefined ? '' : t(field.unit)}
        />
      ))}
    </dl>
  );
}

function switchText(text: string | undefined, t: Host['t']): string {
  return text === 'true' ? t('yes') : t('no');
}

function Fact(props: {
  readonly label: string;
  readonly text: string | undefined;
  readonly unit: string;
}) {
  const unit = saysUnit(props.text ?? '') ? '' : props.unit;
  return (
    <>
      <dt>{props.label}</dt>
      <dd>{[props.text, unit].filter(Boolean).join(' ')}</dd>
    </>
  );
}

function deleteText({ profile, server }: MoreProps, { t }: Host): string {
  return [
    t('Delete the profile %1?', profile.name),
    server && isRunning(server)
      ? t('%1 runs from it and goes on until it is stopped.', server.name)
      : t('Nothing runs from it.'),
    profile.auto_start && t('It starts with Jupyter no more.'),
    t('The model stays.'),
  ]
    .filter(Boolean)
    .join(' ');
}

function renameText({ profile, server }: MoreProps, { t }: Host): string {
  return [
    t('Cells and programs that say %1 will not find it any more.', profile.name),
    server && isRunning(server) && t('%1 keeps its name until it is stopped.', server.name),
  ]
    .filter(Boolean)
    .join(' ');
}

/** `coder-2`, or the first after it that is free. */
function freeName(name: string, taken: readonly string[]): string {
  const stem = name.replace(/-\d+$/, '');
  let number = 2;
  while (taken.includes(`${stem}-${String(number)}`)) {
    number += 1;
  }
  return `${stem}-${String(number)}`;
}
