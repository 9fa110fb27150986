import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { INITIAL_STATE } from '../store';
import { model } from '../testing/fixtures';
import { ROW_PX, WINDOW_PX } from '../testing/layout';
import { FoundModels } from '../testing/models_store';
import { View } from '../testing/view';
import { ModelsView } from './models';

const MANY = Array.from({ length: 10_000 }, (_, index) => model(`a/m${String(index)}`));

let view: View;
let found: FoundModels;

beforeEach(async () => {
  view = new View();
  found = new FoundModels(view.store, MANY);
  view.mount(ModelsView);
  await view.show();
});

afterEach(() => {
  view.end();
});

const focused = () => document.activeElement ?? view.el;

describe('a long list', () => {
  const rows = () => [...view.el.querySelectorAll<HTMLElement>('.mlxm-scroller li')];
  const scroller = () => view.el.querySelector<HTMLElement>('.mlxm-scroller') ?? view.el;
  const scroll = async (top: number) => {
    scroller().scrollTop = top;
    scroller().dispatchEvent(new Event('scroll'));
    await view.drawn();
  };

  /** Pixels below the upper edge of what can be seen. */
  const placeOf = (name: string) => {
    const before = rows().slice(
      0,
      rows().findIndex((row) => row.dataset.name === name),
    );
    const list = view.el.querySelector<HTMLElement>('.mlxm-scroller ul');
    const heights = before.map((row) => row.getBoundingClientRect().height);
    return heights.reduce(
      (sum, height) => sum + height,
      parseFloat(list?.style.paddingTop ?? '') - scroller().scrollTop,
    );
  };

  it('draws only what can be seen, and says how long it is', () => {
    const drawn = rows();
    expect(drawn.length).toBeGreaterThanOrEqual(WINDOW_PX / ROW_PX);
    expect(drawn.length).toBeLessThan((3 * WINDOW_PX) / ROW_PX);
    expect(drawn[0]?.ariaSetSize).toBe('10000');
    expect(drawn[0]?.ariaPosInSet).toBe('1');
    expect(view.text).toContain('10,000 models');
  });

  it('fetches what is scrolled to', async () => {
    await scroll(5000 * ROW_PX);
    expect(found.queries.map(({ offset }) => offset)).toContain(5000);
    expect(rows().map((row) => row.dataset.name)).toContain('a/m5000');
    expect(rows().length).toBeLessThan((3 * WINDOW_PX) / ROW_PX);
  });

  it('begins at the top when it is another', async () => {
    await scroll(5000 * ROW_PX);
    await view.search('m1');
    expect(scroller().scrollTop).toBe(0);
    expect(rows()[0]?.dataset.name).toBe('a/m1');
  });

  it('is walked with the arrow keys, one stop for the Tab key', async () => {
    expect(rows().filter((row) => row.tabIndex === 0)).toHaveLength(1);
    await view.key(view.searchBox, 'ArrowDown');
    expect(document.activeElement).toBe(view.row('a/m0'));
    await view.key(focused(), 'ArrowDown');
    expect(document.activeElement).toBe(view.row('a/m1'));
    const stops = rows().flatMap((row) => [...row.querySelectorAll('button')]);
    expect(stops.filter(({ tabIndex }) => tabIndex === 0)).toEqual([
      ...(view.row('a/m1')?.querySelectorAll('button') ?? []),
    ]);
    await view.key(focused(), 'End');
    expect(document.activeElement).toBe(view.row('a/m9999'));
    await view.key(focused(), 'Enter');
    const { sent } = view.store;
    expect(sent.filter(({ command }) => command !== 'models')).toEqual([
      { command: 'download', wanted: { model: 'a/m9999' } },
    ]);
  });

  it('keeps the keyboard when what has it is scrolled away', async () => {
    await view.key(view.searchBox, 'ArrowDown');
    await scroll(5000 * ROW_PX);
    expect(document.activeElement).toBe(scroller());
    await view.key(scroller(), 'ArrowDown');
    expect(document.activeElement).toBe(view.row('a/m1'));
  });

  it('stays where it is read when a row above turns out higher', async () => {
    await scroll(100 * ROW_PX);
    const before = placeOf('a/m100');
    const above = view.row('a/m98');
    if (above) {
      above.dataset.height = String(ROW_PX + 40);
    }
    await view.show({ catalogue: { ...INITIAL_STATE.catalogue, models: 1 } });
    expect(placeOf('a/m100')).toBe(before);
    expect(scroller().scrollTop).toBe(100 * ROW_PX + 40);
  });
});
