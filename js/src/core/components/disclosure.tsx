import type { ComponentChildren } from 'preact';

import { usePageId } from '../use_page_id';
import { Icon } from './icons';

/** A titled part of a form that can be folded away; what is in it is counted beside its title. */
export function Disclosure(props: {
  readonly title: string;
  readonly aside?: ComponentChildren;
  readonly open: boolean;
  readonly onToggle: (open: boolean) => void;
  readonly children: ComponentChildren;
}) {
  const id = usePageId();
  return (
    <section class="mlxm-disclosure" data-open={props.open}>
      <h3>
        <button
          type="button"
          aria-expanded={props.open}
          aria-controls={id}
          onClick={() => {
            props.onToggle(!props.open);
          }}
        >
          <Icon name="unfold" />
          <span>{props.title}</span>
          <span class="mlxm-aside">{props.aside}</span>
        </button>
      </h3>
      <div id={id} hidden={!props.open}>
        {props.open && props.children}
      </div>
    </section>
  );
}
