import { TextButton } from '../components/button';
import { Confirm } from '../components/confirm';
import { CopyButton } from '../components/copy_button';
import { shortModel } from '../format';
import { useHost, type Host } from '../host';
import type { RowNote } from '../row_notes';
import type { Model, Verification } from '../schema';
import type { PrimaryAction } from './model_figures';
import type { ModelRowProps } from './model_row';

/** What else can be done with a model; its row has the first thing. */
export function ModelActions(props: ModelRowProps & { readonly primary: PrimaryAction }) {
  const { model, notes } = props;
  const host = useHost();
  const { t, openProfile } = host;
  const { id } = model;
  const name = shortModel(id);
  return (
    <span class="mlxm-actions">
      {props.primary === 'details' && !props.state.catalogue.offline && (
        <TextButton
          text={t('Download anyway')}
          label={t('Download %1 anyway', name)}
          onPress={() => notes.run(id, { command: 'download', wanted: { model: id } })}
        />
      )}
      {model.complete && (
        <TextButton
          text={t('Verify')}
          label={t('Verify every byte of %1', name)}
          onPress={() =>
            notes.run(
              id,
              { command: 'verify', id },
              {
                busy: t('Checking every byte…'),
                said: (verification) => verdict(verification, host),
              },
            )
          }
        />
      )}
      {model.complete && openProfile && (
        <TextButton
          text={t('New profile')}
          label={t('New profile for %1', name)}
          onPress={() => {
            openProfile({ values: { model: id } });
          }}
        />
      )}
      {model.local && !isFolder(model) && (
        <TextButton
          text={t('Delete')}
          label={t('Delete %1', name)}
          onPress={() => {
            props.askToDelete(id);
          }}
        />
      )}
      <CopyButton label={t('Copy %1', id)} text={id} />
      {!isFolder(model) && !props.state.catalogue.offline && (
        <a
          class="mlxm-link"
          href={`https://huggingface.co/${id}`}
          target="_blank"
          rel="noopener noreferrer"
        >
          {t('On Hugging Face')}
        </a>
      )}
    </span>
  );
}

/** Asks before the files go, and says what that frees. */
export function DeleteQuestion({ model, notes, askToDelete }: ModelRowProps) {
  const { t, format } = useHost();
  const { id } = model;
  const bytes = model.complete ? (model.size_bytes ?? 0) : model.partial_bytes;
  const done = () => {
    askToDelete(null);
  };
  return (
    <Confirm
      question={[
        t('Delete %1? This frees %2.', shortModel(id), format.bytes(bytes)),
        model.profiles.length > 0 && t('Used by the profile %1.', model.profiles.join(', ')),
      ]
        .filter(Boolean)
        .join(' ')}
      action={t('Delete')}
      onConfirm={async () => {
        await notes.run(id, { command: 'delete_model', id });
        done();
      }}
      onCancel={done}
    />
  );
}

/** A folder of the user's own, which only the user deletes. */
function isFolder(model: Model): boolean {
  return model.id.startsWith('/');
}

function verdict(found: Verification, { t, format }: Host): string | RowNote {
  if (found.ok) {
    return t('All %1 of %2 files are as they should be.', format.bytes(found.bytes), found.files);
  }
  const bad = [
    ...found.damaged.map((path) => t('%1 is damaged', path)),
    ...found.missing.map((path) => t('%1 is missing', path)),
  ];
  return {
    kind: 'failed',
    problem: {
      code: 'checksum',
      message: `${bad.join(', ')}.`,
      hint: t('Delete the model and download it again.'),
      log_tail: [],
      candidates: [],
    },
  };
}
