import { HISTORY_POINTS } from '../reduce';
import { slotColor } from './palette';

const WIDTH = 96;
const HEIGHT = 18;
const MARGIN = 2;

/** The last minute as a line, newest at the right. Figures beside it say the same in words. */
export function Sparkline(props: { readonly points: readonly number[]; readonly slot: number }) {
  // Before it ran it did nothing: a young server's line begins at the left like any other.
  const before = new Array<number>(Math.max(0, HISTORY_POINTS - props.points.length)).fill(0);
  const points = [...before, ...props.points];
  const top = Math.max(1, ...points);
  const step = WIDTH / (HISTORY_POINTS - 1);
  const line = points.map((value, index) => {
    const x = index * step;
    const y = HEIGHT - MARGIN - (value / top) * (HEIGHT - 2 * MARGIN);
    return `${x.toFixed(1)},${y.toFixed(1)}`;
  });
  return (
    <svg
      class="mlxm-sparkline"
      viewBox={`0 0 ${String(WIDTH)} ${String(HEIGHT)}`}
      preserveAspectRatio="none"
      aria-hidden="true"
    >
      <polyline points={line.join(' ')} style={{ stroke: slotColor(props.slot) }} />
    </svg>
  );
}
