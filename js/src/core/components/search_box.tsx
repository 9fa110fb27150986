import { useHost } from '../host';

/** Words to search for: heard while typing, at once on Enter; Escape empties it. */
export function SearchBox(props: {
  readonly label: string;
  readonly placeholder: string;
  readonly value: string;
  /** An answer is awaited. */
  readonly busy: boolean;
  readonly onSearch: (words: string, now: boolean) => void;
  /** The arrow down leads out of the box. */
  readonly onLeave: () => void;
}) {
  const { t } = useHost();
  const pressed = (event: KeyboardEvent & { readonly currentTarget: HTMLInputElement }) => {
    // What is in the box, which may be ahead of what was drawn.
    const { value } = event.currentTarget;
    if (event.key === 'Enter') {
      props.onSearch(value, true);
    } else if (event.key === 'Escape' && value !== '') {
      // The first Escape is for the box; a second one is for whoever listens around it.
      event.preventDefault();
      event.stopPropagation();
      props.onSearch('', true);
    } else if (event.key === 'ArrowDown') {
      event.preventDefault();
      props.onLeave();
    }
  };
  return (
    <span class="mlxm-search" data-busy={props.busy}>
      <input
        type="search"
        aria-label={props.label}
        placeholder={props.placeholder}
        value={props.value}
        autocomplete="off"
        autocapitalize="off"
        spellcheck={false}
        onInput={({ currentTarget }) => {
          props.onSearch(currentTarget.value, false);
        }}
        onKeyDown={pressed}
      />
      {props.busy && <span class="mlxm-spinner" role="img" aria-label={t('searching')} />}
    </span>
  );
}
