export type Tone = 'ok' | 'warn' | 'no' | 'plain';

/** A fact in a word or two; its tone is never the only one to say it. */
export function Badge(props: {
  readonly text: string;
  readonly tone?: Tone;
  /** How it is known. */
  readonly title?: string | undefined;
}) {
  return (
    <span class="mlxm-badge" data-tone={props.tone ?? 'plain'} title={props.title}>
      {props.text}
    </span>
  );
}
