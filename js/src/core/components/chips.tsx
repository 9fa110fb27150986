/** A filter that is on or off. */
export function Chip(props: {
  readonly text: string;
  readonly on: boolean;
  readonly title?: string;
  readonly onToggle: (on: boolean) => void;
}) {
  return (
    <button
      type="button"
      class="mlxm-chip"
      aria-pressed={props.on}
      title={props.title}
      onClick={() => {
        props.onToggle(!props.on);
      }}
    >
      {props.text}
    </button>
  );
}

/** A choice with a value: the browser's own menu under the look of a chip. */
export function ChipMenu(props: {
  /** What is chosen; also what the chip says while nothing is. */
  readonly label: string;
  /** What the first entry says, which chooses nothing; without it something always is. */
  readonly any?: string;
  /** It is not as it was at first. */
  readonly on: boolean;
  readonly value: string | null;
  readonly options: readonly { readonly value: string; readonly text: string }[];
  readonly onChoose: (value: string | null) => void;
}) {
  const { value, options } = props;
  const chosen = options.find((option) => option.value === value);
  return (
    <span class="mlxm-chip mlxm-chip-menu" data-on={props.on}>
      <span aria-hidden="true">{chosen?.text ?? value ?? props.label} ▾</span>
      <select
        aria-label={props.label}
        title={props.label}
        value={value ?? ''}
        onChange={({ currentTarget }) => {
          props.onChoose(currentTarget.value === '' ? null : currentTarget.value);
        }}
      >
        {props.any !== undefined && <option value="">{props.any}</option>}
        {options.map((option) => (
          <option key={option.value} value={option.value}>
            {option.text}
          </option>
        ))}
      </select>
    </span>
  );
}
