import type UPlot from 'uplot';

import type { ChartData, Line, Look } from '../metrics_charts';
import type { Paint } from './paint';

/** The library, or its absence. It is large, so that a panel that draws nothing goes without it. */
export type PlotLibrary = typeof UPlot;

export function loadPlotLibrary(): Promise<PlotLibrary> {
  return import('uplot').then((module) => module.default);
}

/** Pixels of a chart without its title and legend. */
const HEIGHT = 150;

const AXIS = { grid: 'var(--mlxm-line)', text: 'var(--mlxm-muted)' };

/** Room for four letters beside the chart, and for one line of them below it. */
const LEFT_PX = 38;
const BOTTOM_PX = 22;
const RIGHT_PX = 8;

/** Half the width of a moment below the chart, less what the chart keeps free there. */
const EDGE_PX = 16;

/** What an area stands out from the page by: opaque, because areas cover each other. */
const AREA = (color: string) => `color-mix(in srgb, ${color} 50%, var(--mlxm-background))`;

const WIDTHS: Readonly<Record<Look, number>> = {
  line: 1.5,
  total: 1,
  rare: 1,
  limit: 1.5,
  area: 0,
};

const DOTTED: ReadonlySet<Look | undefined> = new Set(['line', 'total', 'rare'] as const);

/** One chart in the page: uPlot, told what to draw. */
export class Plot {
  private readonly plot: UPlot;

  constructor(
    library: PlotLibrary,
    private readonly el: HTMLElement,
    private data: ChartData,
    private readonly settings: {
      readonly paint: Paint;
      /** Writes the moments below the chart. */
      readonly clock: (seconds: number) => string;
      /** Writes the values beside it. */
      readonly number: (value: number) => string;
      /** Told which point the pointer is at. */
      readonly onPoint: (index: number | null) => void;
    },
  ) {
    this.plot = new library(this.options(data), columns(data), el);
  }

  /** Other values of the same lines. */
  update(data: ChartData): void {
    this.data = data;
    this.plot.batch(() => {
      this.plot.setData(columns(data), false);
      this.plot.setScale('x', { min: data.start, max: data.end });
    });
  }

  /** Puts the cursor at a point, or takes it away. */
  point(index: number | null): void {
    const time = index === null ? undefined : this.data.times[index];
    const left = time === undefined ? -10 : this.plot.valToPos(time, 'x');
    this.plot.setCursor({ left, top: left < 0 ? -10 : 0 }, false);
  }

  resize(): void {
    if (this.el.clientWidth !== this.plot.width) {
      this.plot.setSize({ width: this.el.clientWidth, height: HEIGHT });
    }
  }

  redraw(): void {
    this.plot.redraw(false);
  }

  destroy(): void {
    this.plot.destroy();
  }

  private options(data: ChartData): UPlot.Options {
    const { paint, clock, number, onPoint } = this.settings;
    const axis = {
      stroke: () => paint.color(AXIS.text),
      font: `10.5px ${paint.font}`,
      ticks: { show: false },
      gap: 4,
    };
    const options: UPlot.Options = {
      width: this.el.clientWidth,
      height: HEIGHT,
      padding: [6, RIGHT_PX, 0, 0],
      legend: { show: false },
      cursor: {
        y: false,
        drag: { setScale: false, x: false, y: false },
        points: { size: 7 },
        // No dot where an area ends, nor on the limit.
        dataIdx: (_, place, index) => (DOTTED.has(data.lines[place - 1]?.look) ? index : null),
      },
      scales: {
        x: { time: true, range: () => [this.data.start, this.data.end] },
        y: { range: (_, __, highest) => [0, Math.max(this.data.least, highest || 0) * 1.08] },
      },
      axes: [
        {
          ...axis,
          size: BOTTOM_PX,
          space: 64,
          grid: { show: false },
          // What the edge would cut is not written.
          values: (plot, moments) =>
            moments.map((moment) =>
              plot.valToPos(moment, 'x') > plot.width - LEFT_PX - RIGHT_PX - EDGE_PX
                ? ''
                : clock(moment),
            ),
        },
        {
          ...axis,
          size: LEFT_PX,
          space: 32,
          grid: { stroke: () => paint.color(AXIS.grid), width: 1 },
          values: (_, values) => values.map(number),
        },
      ],
      series: [{}, ...data.lines.map((line) => seriesOf(line, paint))],
      hooks: {
        setCursor: [
          ({ cursor }) => {
            onPoint(cursor.idx ?? null);
          },
        ],
      },
    };
    // The grid stands before the areas, as it stands behind the lines. Its type is an enumeration
    // that there is only for the compiler.
    return Object.assign(options, data.key === 'memory' && { drawOrder: ['series', 'axes'] });
  }
}

/** True if a plot that draws the one can draw the other. */
export function sameLines(one: ChartData, other: ChartData): boolean {
  return (
    one.lines.length === other.lines.length &&
    one.lines.every(({ look, color }, index) => {
      const line = other.lines[index];
      return line?.look === look && line.color === color;
    })
  );
}

function seriesOf({ look, color }: Line, paint: Paint): UPlot.Series {
  const area = look === 'area';
  return {
    width: WIDTHS[look],
    // A point between two gaps would not be seen otherwise.
    points: { show: false },
    spanGaps: false,
    ...(area
      ? { fill: () => paint.color(AREA(color)) }
      : {
          stroke: () =>
            paint.color(look === 'rare' ? `color-mix(in srgb, ${color} 60%, transparent)` : color),
        }),
    ...(look === 'limit' && { dash: [5, 4], paths: across }),
    ...(look === 'rare' && { dash: [3, 2] }),
  };
}

/** From edge to edge: a limit holds where nothing was measured, too. */
function across(plot: UPlot, place: number): UPlot.Series.Paths {
  const { left, width } = plot.bbox;
  const y = plot.valToPos(plot.data[place]?.[0] ?? 0, 'y', true);
  const stroke = new Path2D();
  stroke.moveTo(left, y);
  stroke.lineTo(left + width, y);
  return { stroke };
}

function columns({ times, lines }: ChartData): UPlot.AlignedData {
  // It draws of them and changes nothing.
  return [times, ...lines.map((line) => line.values)] as unknown as UPlot.AlignedData;
}
