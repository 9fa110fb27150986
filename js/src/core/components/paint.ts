/** Long enough to be a transition, too short to be one that anybody sees. */
const SWITCH = 'color 1ms';

/**
 * The colours of a style sheet for something that is not styled by one, as a canvas is not. They
 * are the page's own, so that any theme fits, and are forgotten when it wears another one.
 */
export class Paint {
  private readonly known = new Map<string, string>();
  private readonly probe: HTMLElement;

  /** `changed` is called when the page looks otherwise, for whatever reason. */
  constructor(el: HTMLElement, changed: () => void, signal: AbortSignal) {
    this.probe = hidden(el);
    // There is no event for it; but a colour that changes can be told to take a moment for it.
    const watched = hidden(el);
    watched.style.color = 'var(--mlxm-strong)';
    watched.style.transition = SWITCH;
    watched.addEventListener('transitionend', () => {
      this.known.clear();
      changed();
    });
    signal.addEventListener('abort', () => {
      this.probe.remove();
      watched.remove();
    });
  }

  /** What a colour of CSS is here and now. */
  color(css: string): string {
    let color = this.known.get(css);
    if (color === undefined) {
      this.probe.style.color = css;
      color = getComputedStyle(this.probe).color;
      this.known.set(css, color);
    }
    return color;
  }

  get font(): string {
    return getComputedStyle(this.probe).fontFamily;
  }
}

function hidden(el: HTMLElement): HTMLElement {
  const probe = document.createElement('span');
  probe.className = 'mlxm-hidden';
  probe.ariaHidden = 'true';
  el.append(probe);
  return probe;
}
