/** As many as `--mlxm-slot-…` in the style sheet; later servers share. */
const SLOTS = 8;

/** The CSS colour of a server's palette slot. */
export function slotColor(slot: number): string {
  return `var(--mlxm-slot-${String(slot % SLOTS)})`;
}
