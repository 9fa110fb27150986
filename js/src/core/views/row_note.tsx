import { Alert } from '../components/notes';
import type { RowNotes } from '../row_notes';
import { asksForMemory, MemoryRefused } from './memory_refused';

/** How the last command went that a row was asked for. */
export function RowNoteView({ notes, of }: { readonly notes: RowNotes; readonly of: string }) {
  const note = notes.of(of);
  if (!note) {
    return null;
  }
  if (note.kind === 'failed') {
    const { problem, command } = note;
    const dismiss = () => {
      notes.dismiss(of);
    };
    return command?.command === 'serve' && asksForMemory(problem) ? (
      <MemoryRefused
        problem={problem}
        wanted={command}
        send={(wanted) => notes.run(of, wanted)}
        onDismiss={dismiss}
      />
    ) : (
      <Alert problem={problem} onDismiss={dismiss} />
    );
  }
  return (
    <span class="mlxm-said" role="status">
      {note.kind === 'busy' && <span class="mlxm-spinner" />}
      <span>{note.text}</span>
    </span>
  );
}
