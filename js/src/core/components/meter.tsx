export interface Part {
  readonly key: string;
  readonly label: string;
  readonly color: string;
  /** Share of the whole, 0 to 1. */
  readonly share: number;
}

/** A bar of coloured parts; what they leave over is free. `text` is what a screen reader says. */
export function Meter(props: {
  readonly label: string;
  readonly text: string;
  readonly parts: readonly Part[];
}) {
  const total = props.parts.reduce((sum, part) => sum + part.share, 0);
  return (
    <div
      class="mlxm-meter"
      role="meter"
      aria-label={props.label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={Math.round(Math.min(1, total) * 100)}
      aria-valuetext={props.text}
    >
      {props.parts.map((part) => (
        <i
          key={part.key}
          title={part.label}
          style={{ width: `${(part.share * 100).toFixed(2)}%`, background: part.color }}
        />
      ))}
    </div>
  );
}

/** How far something has come; without `share` it only moves. */
export function ProgressBar({ label, share }: { readonly label: string; readonly share?: number }) {
  const value = share === undefined ? undefined : Math.round(Math.min(1, share) * 100);
  return (
    <div
      class="mlxm-progress"
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={value}
    >
      <i style={value === undefined ? undefined : { width: `${String(value)}%` }} />
    </div>
  );
}
