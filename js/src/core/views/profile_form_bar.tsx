import type { JSX } from 'preact';

import { TextButton } from '../components/button';
import { Confirm } from '../components/confirm';
import { Prose } from '../components/prose';
import { useHost, type Host } from '../host';
import { FIELDS } from '../profile_draft';
import {
  changedFields,
  saidProblems,
  type EditorState,
  type ProfileEditor,
} from '../profile_editor';
import { useRowNotes, type RowNotes } from '../row_notes';
import type { Server } from '../schema';
import type { State, Store } from '../store';
import { isRunning } from './figures';
import { RowNoteView } from './row_note';

const NOTE = 'profile';

interface BarProps {
  readonly state: State;
  readonly store: Store;
  readonly editor: ProfileEditor;
  readonly edited: EditorState;
  readonly dirty: boolean;
  /** Somebody wants to go while there are changes. */
  readonly leaving: boolean;
  readonly onSave: () => unknown;
  readonly onLeave: () => void;
  readonly onDiscard: () => void;
  readonly onStay: () => void;
}

/** Always in sight: how things stand, what saving affects, and the buttons. */
export function FormBar(props: BarProps) {
  const { edited, dirty } = props;
  const host = useHost();
  const { t } = host;
  const notes = useRowNotes(props.store);
  const { saved, outcome, saving } = edited;
  const name = saved?.name ?? null;
  const servers = props.state.servers.filter((server) => server.profile === name && name !== null);
  const running = servers.filter(isRunning);
  if (props.leaving) {
    return (
      <div class="mlxm-form-bar">
        <Confirm
          question={t('Leave without saving %1?', countText(edited, host))}
          action={t('Discard')}
          keep={t('Keep editing')}
          onConfirm={props.onDiscard}
          onCancel={props.onStay}
        />
      </div>
    );
  }
  return (
    <div class="mlxm-form-bar">
      <div class="mlxm-form-status" role="status" data-tone={toneOf(edited, host)}>
        <Prose text={statusText(edited, running, dirty, host)} />
      </div>
      <RowNoteView notes={notes} of={NOTE} />
      <span class="mlxm-actions">
        <TextButton
          text={saving ? t('Saving…') : t('Save')}
          label={t('Save')}
          look="primary"
          onPress={props.onSave}
        />
        <TextButton
          text={dirty ? t('Discard') : t('Close')}
          label={dirty ? t('Discard the changes') : t('Close the form')}
          onPress={props.onLeave}
        />
        {outcome !== null && !dirty && <Next {...props} servers={servers} notes={notes} />}
      </span>
    </div>
  );
}

/** After saving: what runs from it goes on as it was, until somebody restarts it. */
function Next(props: {
  readonly edited: EditorState;
  readonly servers: readonly Server[];
  readonly notes: RowNotes;
}): JSX.Element | null {
  const { edited, servers, notes } = props;
  const { t } = useHost();
  const name = edited.saved?.name;
  if (name === undefined || edited.outcome?.kind === 'failed') {
    return null;
  }
  const old = servers.filter((server) => server.restart_to_apply || server.state === 'failed');
  if (servers.length === 0) {
    return (
      <TextButton
        text={t('Start')}
        label={t('Start %1', name)}
        onPress={() => notes.run(NOTE, { command: 'serve', profile: name })}
      />
    );
  }
  return (
    <>
      {old.map((server) => (
        <TextButton
          key={server.name}
          text={t('Restart %1', server.name)}
          label={t('Restart %1', server.name)}
          onPress={() => notes.run(NOTE, { command: 'restart', name: server.name })}
        />
      ))}
    </>
  );
}

function statusText(
  edited: EditorState,
  running: readonly Server[],
  dirty: boolean,
  host: Host,
): string {
  const { t } = host;
  const { outcome, elsewhere, unchecked } = edited;
  const wrong = wrongText(edited, host);
  const names = running.map((server) => server.name).join(', ');
  const old = running.filter((server) => server.restart_to_apply);
  if (outcome?.kind === 'failed') {
    return [outcome.problem.message, outcome.problem.hint].filter(Boolean).join(' ');
  }
  if (wrong !== null) {
    return wrong;
  }
  if (elsewhere === 'deleted') {
    return t('It was deleted meanwhile. Saving makes it again.');
  }
  if (elsewhere === 'changed') {
    return t(
      'It was changed elsewhere meanwhile. What you typed is kept, all else is as it is there.',
    );
  }
  if (!dirty) {
    if (old.length > 0) {
      const which = old.map((server) => server.name).join(', ');
      return t('%1 runs from it as it was: restart to apply.', which);
    }
    return outcome === null ? '' : t('Saved.');
  }
  return [
    unchecked !== null && t('It could not be checked: %1', unchecked.message),
    t('%1, not saved.', countText(edited, host)),
    names !== '' && t('%1 runs from it, and goes on as it is until it is restarted.', names),
  ]
    .filter(Boolean)
    .join(' ');
}

function countText(edited: EditorState, { t }: Host): string {
  const count = changedFields(edited).length;
  return count === 1 ? t('1 change') : t('%1 changes', count);
}

/** The first thing that is wrong, and how many more there are. */
function wrongText(edited: EditorState, { t }: Host): string | null {
  const problems = saidProblems(edited, t);
  const wrong = FIELDS.filter(({ name }) => problems[name] !== undefined);
  const [first] = wrong;
  if (!first) {
    return null;
  }
  const text = `${t(first.label)}: ${problems[first.name] ?? ''}`;
  return wrong.length === 1 ? text : `${text} ${t('(and %1 more)', wrong.length - 1)}`;
}

function toneOf(edited: EditorState, host: Host): string {
  const bad = edited.outcome?.kind === 'failed' || wrongText(edited, host) !== null;
  return bad ? 'bad' : edited.elsewhere === null ? 'plain' : 'warn';
}
