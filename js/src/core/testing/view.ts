import { act } from 'preact/test-utils';

import { createFormat } from '../format';
import { PLAIN_HOST, type Host } from '../host';
import { reduce } from '../reduce';
import type { Snapshot } from '../schema';
import { INITIAL_STATE, type State } from '../store';
import { render, type Body } from '../views/panel';
import { FakeStore } from './fake_store';
import { snapshot } from './fixtures';

/** A panel in a page, as a user finds it. */
export class View {
  readonly el = document.body.appendChild(document.createElement('div'));
  readonly store = new FakeStore();
  private readonly life = new AbortController();

  mount(body: Body, host: Partial<Host> = {}): void {
    void act(() => {
      render(this.el, this.store, this.life.signal, body, {
        ...PLAIN_HOST,
        format: createFormat('en'),
        ...host,
      });
    });
  }

  end(): void {
    this.life.abort();
    this.el.remove();
  }

  /** Shows a snapshot that differs in this, and waits until it is drawn. */
  async show(more: Partial<Snapshot> = {}, connection?: State['connection']): Promise<void> {
    const state = reduce(INITIAL_STATE, snapshot(more.servers ?? [], more));
    this.store.show({ ...state, connection: connection ?? { status: 'live', problem: null } });
    await this.drawn();
  }

  /** Lets promises settle and Preact draw; an effect of that drawing may begin another round. */
  async drawn(): Promise<void> {
    for (let round = 0; round < 4; round += 1) {
      await act(() => new Promise((resolve) => setTimeout(resolve)));
    }
  }

  get text(): string {
    return this.el.textContent.replaceAll('\u00a0', ' ');
  }

  row(name: string): HTMLElement | null {
    return this.el.querySelector<HTMLElement>(`li[data-name="${name}"]`);
  }

  /** What a row says. */
  rowText(name: string): string {
    return this.row(name)?.textContent.replaceAll('\u00a0', ' ') ?? '';
  }

  /** By its name, else by what is written on it. */
  button(label: string): HTMLElement {
    const buttons = [...this.el.querySelectorAll('button')];
    const found =
      buttons.find((one) => one.ariaLabel === label) ??
      buttons.find((one) => one.textContent === label);
    if (!found) {
      throw new Error(`There is no button ${label}, only: ${this.labels().join(', ')}`);
    }
    return found;
  }

  labels(within: ParentNode = this.el): string[] {
    return [...within.querySelectorAll('button')].map((one) => one.ariaLabel ?? one.textContent);
  }

  async press(label: string): Promise<void> {
    this.button(label).click();
    await this.drawn();
  }

  get searchBox(): HTMLInputElement {
    const box = this.el.querySelector<HTMLInputElement>('input[type=search]');
    if (!box) {
      throw new Error('There is no box to search in.');
    }
    return box;
  }

  /** Types words and the Enter key. */
  async search(words: string): Promise<void> {
    this.searchBox.value = words;
    this.searchBox.dispatchEvent(new InputEvent('input', { bubbles: true }));
    await this.key(this.searchBox, 'Enter');
  }

  async key(el: Element, key: string): Promise<void> {
    el.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true }));
    await this.drawn();
  }
}
