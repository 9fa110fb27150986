import type { Model, ModelPage } from './schema';

/** By position; undefined where a page has not come yet. */
export type Rows = readonly (Model | undefined)[];

/** The rows with a page put in; there are as many as it says. `learned` knows more of some. */
export function placed(
  rows: Rows,
  offset: number,
  { models, total }: ModelPage,
  learned: ReadonlyMap<string, Model>,
): Rows {
  const next = Array.from({ length: total }, (_, position) => rows[position]);
  for (const [index, model] of models.entries()) {
    if (offset + index < total) {
      const known = lacksDetails(model) ? learned.get(model.id) : undefined;
      next[offset + index] = known ? joined(known, model) : model;
    }
  }
  return next;
}

/** A row of the catalogue: only the repo's own files tell its size. */
export function lacksDetails(model: Model): boolean {
  return !model.complete && model.size_bytes === null;
}

/** What was learned of a model, with what may be different by now. */
function joined(known: Model, now: Model): Model {
  const { local, complete, path, partial_bytes, used_at, servers, profiles } = now;
  return { ...known, local, complete, path, partial_bytes, used_at, servers, profiles };
}
