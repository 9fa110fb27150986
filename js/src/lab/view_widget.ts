import type { Message } from '@lumino/messaging';
import { Widget } from '@lumino/widgets';

/** Draws one of our views for as long as Lumino has it in the page. */
export class ViewWidget extends Widget {
  private life: AbortController | null = null;

  constructor(private readonly draw: (el: HTMLElement, signal: AbortSignal) => void) {
    super();
  }

  protected override onAfterAttach(message: Message): void {
    super.onAfterAttach(message);
    this.life = new AbortController();
    this.draw(this.node, this.life.signal);
  }

  protected override onBeforeDetach(message: Message): void {
    this.life?.abort();
    this.life = null;
    super.onBeforeDetach(message);
  }
}
