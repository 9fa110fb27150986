import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';

import { Icon, type IconName } from './icons';

interface ButtonProps {
  /** The accessible name; says what the button acts on. */
  readonly label: string;
  readonly onPress: () => unknown;
  readonly expanded?: boolean;
}

/**
 * A button that can't be pressed again until what it began is over.
 *
 * It is `aria-disabled` rather than `disabled` meanwhile: a disabled button loses the focus.
 */
function Pressable(props: ButtonProps & { class: string; children: ComponentChildren }) {
  const [busy, setBusy] = useState(false);
  const press = async () => {
    if (busy) {
      return;
    }
    setBusy(true);
    try {
      await props.onPress();
    } finally {
      setBusy(false);
    }
  };
  return (
    <button
      type="button"
      class={props.class}
      aria-label={props.label}
      aria-disabled={busy || undefined}
      aria-expanded={props.expanded}
      title={props.label}
      onClick={() => void press()}
    >
      {props.children}
    </button>
  );
}

export function TextButton({ text, ...button }: ButtonProps & { readonly text: string }) {
  return (
    <Pressable {...button} class="mlxm-button">
      {text}
    </Pressable>
  );
}

export function IconButton({ icon, ...button }: ButtonProps & { readonly icon: IconName }) {
  return (
    <Pressable {...button} class="mlxm-icon-button">
      <Icon name={icon} />
    </Pressable>
  );
}
