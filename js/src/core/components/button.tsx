import type { ComponentChildren } from 'preact';
import { createContext } from 'preact';
import { useContext, useState } from 'preact/hooks';

import { Icon, type IconName } from './icons';

/** False where the Tab key shall pass the buttons by: in the rows that don't have the keyboard. */
export const TabStop = createContext(true);

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
  const stop = useContext(TabStop);
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
      tabIndex={stop ? undefined : -1}
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

export function TextButton({
  text,
  look = '',
  ...button
}: ButtonProps & { readonly text: string; readonly look?: 'primary' | 'danger' | '' }) {
  return (
    <Pressable {...button} class={`mlxm-button ${look && `mlxm-${look}`}`.trim()}>
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
