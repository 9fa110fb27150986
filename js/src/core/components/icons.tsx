import type { JSX } from 'preact';

/** Drawn on 16 × 16 in the colour of the text around them. */
const SHAPES = {
  chart: <path d="M2.8 2.8v10.4h10.4M5 10.2l2.5-3.4 2.2 1.8 3.3-4.6" />,
  check: <path d="m3.5 8.5 3 3 6-7" />,
  close: <path d="m4.5 4.5 7 7m0-7-7 7" />,
  copy: (
    <>
      <rect x="5.5" y="5.5" width="7.5" height="7.5" rx="1" />
      <path d="M10.5 3.5V3h-7a.5.5 0 0 0-.5.5v7H3.5" />
    </>
  ),
  edit: <path d="M10.6 3.4 12.6 5.4 6 12l-2.8.8.8-2.8ZM9.3 4.7l2 2" />,
  key: (
    <>
      <circle cx="5.2" cy="10.8" r="2.6" />
      <path d="m7.1 8.9 6-6M10.6 5.4l2 2" />
    </>
  ),
  logs: <path d="M3 4h10M3 6.7h10M3 9.3h10M3 12h6" />,
  import: <path d="M8 2.8v7M5 7l3 3 3-3M3 12.8h10" />,
  more: (
    <>
      <circle cx="3.5" cy="8" r="0.7" fill="currentColor" />
      <circle cx="8" cy="8" r="0.7" fill="currentColor" />
      <circle cx="12.5" cy="8" r="0.7" fill="currentColor" />
    </>
  ),
  plus: <path d="M8 3.2v9.6M3.2 8h9.6" />,
  reset: <path d="M3.6 5.2h5.6a3.2 3.2 0 0 1 0 6.4H5.2M6 2.8 3.4 5.2 6 7.6" />,
  restart: <path d="M12.6 9.6A4.9 4.9 0 1 1 12.3 5.7M12.7 2.8v3.1H9.6" />,
  settings: (
    <>
      <path d="M3 5h5.2M11.8 5H13M3 11h1.2M7.8 11H13" />
      <circle cx="10" cy="5" r="1.8" />
      <circle cx="6" cy="11" r="1.8" />
    </>
  ),
  unfold: <path d="m4 6.3 4 4 4-4" />,
  stop: <rect x="3.5" y="3.5" width="9" height="9" rx="1" fill="currentColor" stroke="none" />,
} satisfies Record<string, JSX.Element>;

export type IconName = keyof typeof SHAPES;

export function Icon({ name }: { readonly name: IconName }) {
  return (
    <svg class="mlxm-icon" viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      {SHAPES[name]}
    </svg>
  );
}
