import type { AnyEvent, Metrics, Profile, Server, Snapshot } from './schema';
import type { State } from './store';

/** A minute at one point a second. */
export const HISTORY_POINTS = 60;

/** Events that don't count up. */
const SAMPLES: ReadonlySet<string> = new Set(['metrics.sampled', 'downloads.progressed']);

/**
 * The state after one event.
 *
 * Ids are `<epoch>-<sequence>`. State changes count up by one, so a jump means that one was missed:
 * the state is marked stale and stays as it is until a snapshot replaces it. Samples carry the
 * number of the latest state change, because they may be dropped on the way.
 */
export function reduce(state: State, event: AnyEvent): State {
  if (event.type === 'snapshot') {
    return replaced(state, event);
  }
  const step = distance(state.lastId, event.id);
  const expected = SAMPLES.has(event.type) ? 0 : 1;
  if (state.stale || step > expected) {
    return state.stale ? state : { ...state, stale: true };
  }
  if (step < expected) {
    return state;
  }
  const next = { ...state, lastId: event.id };
  switch (event.type) {
    case 'servers.changed':
      return withServers(next, upsert(state.servers, event.server));
    case 'servers.removed':
      return withServers(next, without(state.servers, event.name));
    case 'profiles.changed':
      return { ...next, profiles: upsert<Profile>(state.profiles, event.profile) };
    case 'profiles.removed':
      return { ...next, profiles: without(state.profiles, event.name) };
    case 'engines.changed':
      return { ...next, engines: event.engines };
    case 'engines.job':
      return { ...next, engineJobs: withId(state.engineJobs, event.job) };
    case 'downloads.changed':
    case 'downloads.progressed':
      return { ...next, downloads: withId(state.downloads, event.download) };
    case 'downloads.removed':
      return { ...next, downloads: state.downloads.filter(({ id }) => id !== event.download_id) };
    case 'models.changed':
      return { ...next, library: event.library };
    case 'catalogue.changed':
      return { ...next, catalogue: event.catalogue };
    case 'metrics.sampled':
      return { ...next, metrics: event.metrics, history: longer(state.history, event.metrics) };
  }
}

/** The same state as seen through another connection. */
export function withConnection(state: State, connection: State['connection']): State {
  return { ...state, connection };
}

/** How many events `id` is ahead of `last`; another epoch is infinitely far. */
function distance(last: string | null, id: string): number {
  const [here, there] = [parse(last ?? ''), parse(id)];
  return here.epoch === there.epoch ? there.sequence - here.sequence : Infinity;
}

function parse(id: string): { epoch: string; sequence: number } {
  const dash = id.lastIndexOf('-');
  return { epoch: id.slice(0, dash), sequence: Number(id.slice(dash + 1)) };
}

function replaced(state: State, event: Snapshot): State {
  const next = {
    ...state,
    lastId: event.id,
    stale: false,
    hardware: event.hardware,
    gatewayUrl: event.gateway_url,
    profiles: event.profiles,
    downloads: event.downloads,
    engines: event.engines,
    engineJobs: event.engine_jobs,
    library: event.library,
    catalogue: event.catalogue,
    metrics: event.metrics,
    history: event.history,
  };
  return withServers(next, event.servers);
}

/** Lists these servers; forgets what belonged to others, finds a colour for new ones. */
function withServers(state: State, servers: readonly Server[]): State {
  const names = new Set(servers.map((server) => server.name));
  const colors = keep(state.colors, names);
  const taken = new Set(Object.values(colors));
  for (const name of names) {
    if (colors[name] === undefined) {
      let slot = 0;
      while (taken.has(slot)) {
        slot += 1;
      }
      taken.add(slot);
      colors[name] = slot;
    }
  }
  return { ...state, servers, colors, history: keep(state.history, names) };
}

function keep<V>(record: Readonly<Record<string, V>>, names: ReadonlySet<string>) {
  return Object.fromEntries(Object.entries(record).filter(([name]) => names.has(name)));
}

/** Puts a new item where a snapshot would list it: by name. */
function upsert<T extends { readonly name: string }>(items: readonly T[], item: T): readonly T[] {
  return items.some((other) => other.name === item.name)
    ? items.map((other) => (other.name === item.name ? item : other))
    : [...items, item].sort((one, other) => (one.name < other.name ? -1 : 1));
}

/** In its place, or last: a snapshot lists them oldest first. */
function withId<T extends { readonly id: string }>(items: readonly T[], item: T): readonly T[] {
  return items.some(({ id }) => id === item.id)
    ? items.map((other) => (other.id === item.id ? item : other))
    : [...items, item];
}

function without<T extends { readonly name: string }>(items: readonly T[], name: string) {
  return items.filter((item) => item.name !== name);
}

function longer(history: State['history'], metrics: Metrics): State['history'] {
  const points = Object.entries(metrics.servers).map(([name, load]) => [
    name,
    [...(history[name] ?? []), load.tokens_per_second].slice(-HISTORY_POINTS),
  ]);
  return { ...history, ...(Object.fromEntries(points) as Record<string, number[]>) };
}
