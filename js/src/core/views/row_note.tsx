import { Alert } from '../components/notes';
import type { RowNotes } from '../row_notes';

/** How the last command went that a row was asked for. */
export function RowNoteView({ notes, of }: { readonly notes: RowNotes; readonly of: string }) {
  const note = notes.of(of);
  if (!note) {
    return null;
  }
  if (note.kind === 'failed') {
    return (
      <Alert
        problem={note.problem}
        onDismiss={() => {
          notes.dismiss(of);
        }}
      />
    );
  }
  return (
    <span class="mlxm-said" role="status">
      {note.kind === 'busy' && <span class="mlxm-spinner" />}
      <span>{note.text}</span>
    </span>
  );
}
