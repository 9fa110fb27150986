import type { ComponentChildren, RefObject } from 'preact';
import { useId } from 'preact/hooks';

/** A titled part of the panel. `aside` stands at the right of the title. */
export function Section(props: {
  readonly title: string;
  readonly aside?: ComponentChildren;
  /** For the style sheet. */
  readonly kind?: string;
  readonly element?: RefObject<HTMLElement>;
  readonly children: ComponentChildren;
}) {
  const id = useId();
  return (
    <section
      class="mlxm-section"
      data-kind={props.kind}
      aria-labelledby={id}
      ref={props.element ?? null}
    >
      <header>
        <h2 id={id} tabIndex={-1}>
          {props.title}
        </h2>
        <span class="mlxm-aside">{props.aside}</span>
      </header>
      {props.children}
    </section>
  );
}
