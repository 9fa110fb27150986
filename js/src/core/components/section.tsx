import type { ComponentChildren, RefObject } from 'preact';

import { usePageId } from '../use_page_id';
import { Icon } from './icons';

interface Fold {
  readonly open: boolean;
  readonly onToggle: (open: boolean) => void;
}

/** A titled part of the panel. `aside` stands at the right of the title. */
export function Section(props: {
  readonly title: string;
  readonly aside?: ComponentChildren;
  /** For the style sheet. */
  readonly kind?: string;
  /** The title folds all below it away. */
  readonly fold?: Fold;
  readonly element?: RefObject<HTMLElement>;
  readonly children: ComponentChildren;
}) {
  const id = usePageId();
  const { title, fold, children } = props;
  const body = `${id}-body`;
  return (
    <section
      class="mlxm-section"
      data-kind={props.kind}
      aria-labelledby={id}
      ref={props.element ?? null}
    >
      <header>
        <h2 id={id} tabIndex={-1}>
          {fold ? <FoldButton {...fold} title={title} controls={body} /> : title}
        </h2>
        <span class="mlxm-aside">{props.aside}</span>
      </header>
      {fold ? (
        <div id={body} hidden={!fold.open}>
          {fold.open && children}
        </div>
      ) : (
        children
      )}
    </section>
  );
}

function FoldButton(props: Fold & { readonly title: string; readonly controls: string }) {
  return (
    <button
      type="button"
      class="mlxm-fold"
      aria-expanded={props.open}
      aria-controls={props.controls}
      onClick={() => {
        props.onToggle(!props.open);
      }}
    >
      <Icon name="unfold" />
      <span>{props.title}</span>
    </button>
  );
}
