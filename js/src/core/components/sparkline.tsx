import { HISTORY_POINTS } from '../reduce';
import { slotColor } from './palette';

const WIDTH = 96;
const HEIGHT = 18;
const MARGIN = 2;

/** The last minute as a line, newest at the right. Figures beside it say the same in words. */
export function Sparkline(props: { readonly points: readonly number[]; readonly slot: number }) {
  const points = props.points.length > 1 ? props.points : [0, 0];
  const top = Math.max(1, ...points);
  const step = WIDTH / (HISTORY_POINTS - 1);
  const line = points.map((value, index) => {
    const x = WIDTH - (points.length - 1 - index) * step;
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
