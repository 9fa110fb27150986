import { useState } from 'preact/hooks';

/** Every bundle counts for itself, and one page may hold several: in the sidebar and in cells. */
const BUNDLE = Math.random().toString(36).slice(2, 10);
let count = 0;

/**
 * An id that no other element of the page has. Preact's own `useId` begins again with every root:
 * a label in the sidebar then names a field in a tab.
 */
export function usePageId(): string {
  const [id] = useState(() => {
    count += 1;
    return `mlxm-${BUNDLE}-${String(count)}`;
  });
  return id;
}
