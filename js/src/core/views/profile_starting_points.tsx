import { useHost } from '../host';
import type { EditorState, ProfileEditor } from '../profile_editor';

/** Ready-made beginnings for the model's family; pressed, their values are typed. */
export function StartingPoints(props: {
  readonly editor: ProfileEditor;
  readonly edited: EditorState;
}) {
  const { editor, edited } = props;
  const { t } = useHost();
  if (edited.points.length === 0) {
    return null;
  }
  return (
    <div class="mlxm-points" role="group" aria-label={t('Begin with')}>
      <span class="mlxm-muted">{t('Begin with')}</span>
      {edited.points.map((point) => (
        <button
          key={point.title}
          type="button"
          class="mlxm-suggestion"
          aria-label={`${point.title}: ${point.reason}`}
          onClick={() => {
            editor.take(point.values);
          }}
        >
          <b>{point.title}</b> <span>{point.reason}</span>
        </button>
      ))}
    </div>
  );
}
