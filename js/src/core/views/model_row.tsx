import type { JSX } from 'preact';

import { Badge } from '../components/badge';
import { IconButton, TextButton } from '../components/button';
import { Dot } from '../components/dot';
import type { RowAttributes } from '../components/virtual_list';
import { shortModel } from '../format';
import { useHost } from '../host';
import type { RowNotes } from '../row_notes';
import type { Download, Model, ModelSource } from '../schema';
import type { State, Store } from '../store';
import { DownloadBody } from './download_row';
import { DeleteQuestion } from './model_actions';
import { ModelDetails } from './model_details';
import { marksOf, metaText, primaryAction, serversOf, type PrimaryAction } from './model_figures';
import { RowNoteView } from './row_note';

/** What all rows of a list share. */
export interface RowContext {
  readonly state: State;
  readonly store: Store;
  readonly source: ModelSource;
  readonly now: number;
  readonly notes: RowNotes;
  /** Ids of unfolded rows. */
  readonly unfolded: ReadonlySet<string>;
  readonly unfold: (id: string, on: boolean) => void;
  /** Id of the row that asks whether to delete its model. */
  readonly deleting: string | null;
  readonly askToDelete: (id: string | null) => void;
  readonly learn: (model: Model) => void;
  readonly search: (words: string) => void;
}

export interface ModelRowProps extends RowContext {
  readonly model: Model;
  /** That brings it. */
  readonly download: Download | undefined;
  readonly attributes: RowAttributes;
}

/** One model: what it is, whether it fits, and the one thing that most people want of it next. */
export function ModelRow(props: ModelRowProps) {
  const { model, download, notes } = props;
  const host = useHost();
  const { id } = model;
  const servers = serversOf(model, props.state.servers);
  const action = primaryAction(model, servers, props.state.catalogue.offline);
  const unfolded = props.unfolded.has(id);
  const offered = props.state.connection.status !== 'saved';
  const marks = marksOf(model, servers.length > 0, host);
  const meta = metaText(model, props.source, props.now, host);
  const act = actionOf(props, action);

  const pressed = (event: KeyboardEvent) => {
    if (event.target !== event.currentTarget || !offered) {
      return;
    }
    const does = keyed(event.key);
    if (does) {
      event.preventDefault();
      does();
    }
  };
  const keyed = (key: string): (() => unknown) | undefined => {
    if (key === 'Enter') {
      return download ? undefined : act;
    }
    if (key === 'Delete') {
      return model.local && !download
        ? () => {
            props.askToDelete(id);
          }
        : undefined;
    }
    return key === 'ArrowRight' || key === 'ArrowLeft'
      ? () => {
          props.unfold(id, key === 'ArrowRight');
        }
      : undefined;
  };
  return (
    <li
      {...props.attributes}
      class="mlxm-row mlxm-model"
      data-name={id}
      data-download={download?.state}
      aria-label={[shortModel(id), meta, marks[0]?.text].filter(Boolean).join(', ')}
      onKeyDown={pressed}
    >
      <span class="mlxm-name" title={id}>
        {shortModel(id)}
      </span>
      {download ? (
        <DownloadBody
          download={download}
          now={props.now}
          notes={notes}
          noteKey={id}
          offered={offered}
        />
      ) : (
        <>
          <span class="mlxm-aside">
            {servers.map((server) => (
              <span key={server.name} class="mlxm-serving">
                <Dot state={server.state} /> {server.name}
              </span>
            ))}
            {offered && <Primary {...props} action={action} onPress={act} />}
            <DetailsButton {...props} wide={action === 'details'} />
          </span>
          <span class="mlxm-meta" title={meta}>
            {meta}
          </span>
          {marks.length > 0 && (
            <span class="mlxm-badges">
              {marks.map(({ key, ...mark }) => (
                <Badge key={key} {...mark} />
              ))}
            </span>
          )}
        </>
      )}
      <RowNoteView notes={notes} of={id} />
      {props.deleting === id && <DeleteQuestion {...props} />}
      {unfolded && !download && <ModelDetails {...props} primary={action} />}
    </li>
  );
}

/** What the row's button and the Enter key do. */
function actionOf(props: ModelRowProps, action: PrimaryAction): () => unknown {
  const { model, notes } = props;
  const { id } = model;
  switch (action) {
    case 'serve':
      return () => notes.run(id, { command: 'serve', model: id });
    case 'download':
    case 'resume':
      return () => notes.run(id, { command: 'download', wanted: { model: id } });
    case 'details':
    case 'none':
      return () => {
        props.unfold(id, !props.unfolded.has(id));
      };
  }
}

function Primary(
  props: ModelRowProps & { readonly action: PrimaryAction; readonly onPress: () => unknown },
): JSX.Element | null {
  const { t } = useHost();
  const name = shortModel(props.model.id);
  const words = {
    serve: [t('Serve'), t('Serve %1', name)],
    download: [t('Download'), t('Download %1', name)],
    resume: [t('Resume'), t('Resume the download of %1', name)],
    details: [],
    none: [],
  }[props.action];
  const [text, label] = words;
  return text !== undefined && label !== undefined ? (
    <TextButton text={text} label={label} look="primary" onPress={props.onPress} />
  ) : null;
}

function DetailsButton({
  model,
  unfolded,
  unfold,
  wide,
}: ModelRowProps & { readonly wide: boolean }) {
  const { t } = useHost();
  const { id } = model;
  const button = {
    label: t('Details of %1', shortModel(id)),
    expanded: unfolded.has(id),
    onPress: () => {
      unfold(id, !unfolded.has(id));
    },
  };
  return wide ? (
    <TextButton text={t('Details')} {...button} />
  ) : (
    <IconButton icon="unfold" {...button} />
  );
}

/** In the place of a row that has not come yet. */
export function Skeleton({ attributes }: { readonly attributes?: RowAttributes }) {
  return (
    <li {...attributes} class="mlxm-row mlxm-skeleton" aria-hidden={attributes ? undefined : true}>
      <i />
      <i />
      <i />
    </li>
  );
}
