/**
 * The little layout that a long list needs and jsdom lacks: a window of `WINDOW_PX` over rows of
 * `ROW_PX`. A test that changes a row's height says so in `data-height`.
 */
export const WINDOW_PX = 600;
export const ROW_PX = 60;

class FakeResizeObserver implements ResizeObserver {
  observe(): void {
    // Sizes change only when a test says so, and then it draws.
  }
  unobserve(): void {
    // As above.
  }
  disconnect(): void {
    // As above.
  }
}

globalThis.ResizeObserver = FakeResizeObserver;

Object.defineProperty(HTMLElement.prototype, 'clientHeight', {
  configurable: true,
  get(this: HTMLElement) {
    return this.classList.contains('mlxm-scroller') ? WINDOW_PX : 0;
  },
});

HTMLElement.prototype.getBoundingClientRect = function rectangle(this: HTMLElement) {
  return new DOMRect(0, 0, 300, this.tagName === 'LI' ? Number(this.dataset.height ?? ROW_PX) : 0);
};

HTMLElement.prototype.scrollIntoView = () => {
  // All is in sight.
};
