import { useRef } from 'preact/hooks';

/** A choice of one, as parts of a bar: a radio group to the keyboard and to screen readers. */
export function Segmented<T extends string>(props: {
  readonly label: string;
  readonly value: T;
  readonly options: readonly { readonly value: T; readonly text: string }[];
  readonly onChoose: (value: T) => void;
}) {
  const { options, value } = props;
  const group = useRef<HTMLDivElement>(null);
  const pressed = (event: KeyboardEvent) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (step === undefined) {
      return;
    }
    event.preventDefault();
    const index = options.findIndex((option) => option.value === value) + step;
    const wrapped = (index + options.length) % options.length;
    group.current?.querySelectorAll('button')[wrapped]?.focus();
    const next = options[wrapped];
    if (next) {
      props.onChoose(next.value);
    }
  };
  return (
    <div
      class="mlxm-segmented"
      role="radiogroup"
      aria-label={props.label}
      ref={group}
      onKeyDown={pressed}
    >
      {options.map((option) => (
        <button
          key={option.value}
          type="button"
          role="radio"
          aria-checked={option.value === value}
          tabIndex={option.value === value ? 0 : -1}
          onClick={() => {
            props.onChoose(option.value);
          }}
        >
          {option.text}
        </button>
      ))}
    </div>
  );
}
