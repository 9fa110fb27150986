import type { ModelPage, ModelQuery } from '../core/schema';
import type { Command, Wanted } from '../core/store';
import type { Answer, Asked } from './rest';

/** The request that carries out a command. */
export function requestOf(command: Command): Asked {
  switch (command.command) {
    case 'stop':
      return { method: 'DELETE', path: ['servers', command.name] };
    case 'restart':
      return { method: 'POST', path: ['servers', command.name, 'restart'] };
    case 'logs':
      return {
        method: 'GET',
        path: ['servers', command.name, 'logs'],
        query: queryOf({ lines: command.lines }),
      };
    case 'metrics':
      return {
        method: 'GET',
        path: ['metrics'],
        query: queryOf({ since: command.since, step: command.step }),
      };
    case 'serve':
      return { method: 'POST', path: ['servers'], body: wantedOf(command) };
    case 'create_profile':
      return { method: 'POST', path: ['profiles'], body: command.values };
    case 'edit_profile':
      return { method: 'PATCH', path: ['profiles', command.name], body: command.values };
    case 'copy_profile':
      return {
        method: 'POST',
        path: ['profiles', command.name, 'copy'],
        body: { name: command.to },
      };
    case 'delete_profile':
      return { method: 'DELETE', path: ['profiles', command.name] };
    case 'check_profile':
      return { method: 'POST', path: ['profiles', 'check'], body: command.values };
    case 'export_profiles':
      return {
        method: 'GET',
        path: ['profiles', 'export'],
        query: queryOf({ name: command.name }),
      };
    case 'import_profiles':
      return {
        method: 'POST',
        path: ['profiles', 'import'],
        query: queryOf({ on_conflict: command.on_conflict }),
        body: command.document,
      };
    case 'probe_profile':
      return { method: 'POST', path: ['profiles', command.name, 'probe'] };
    case 'starting_points':
      return {
        method: 'GET',
        path: ['profiles', 'starting-points'],
        query: queryOf({ model: command.model }),
      };
    case 'models':
      return { method: 'GET', path: ['models'], query: modelsQuery(command.query) };
    case 'model':
      return { method: 'GET', path: ['models', command.id] };
    case 'fit':
      return {
        method: 'GET',
        path: ['models', command.id, 'fit'],
        query: queryOf({
          context_length: command.context_length,
          concurrency: command.concurrency,
        }),
      };
    case 'delete_model':
      return { method: 'DELETE', path: ['models', command.id] };
    case 'verify':
      return { method: 'POST', path: ['models', command.id, 'verify'] };
    case 'prune':
      return { method: 'POST', path: ['models', 'prune'] };
    case 'sync':
      return { method: 'POST', path: ['catalogue'] };
    case 'download':
      return { method: 'POST', path: ['downloads'], body: command.wanted };
    case 'pause':
    case 'resume':
      return { method: 'POST', path: ['downloads', command.download_id, command.command] };
    case 'cancel':
      return { method: 'DELETE', path: ['downloads', command.download_id] };
  }
}

/** JSON leaves out what is undefined. */
function wantedOf({ model, profile, name, force, set }: Wanted): object {
  return { model, profile, name, force, set };
}

/** What the command brings, of what came back. */
export function resultOf(command: Command, { body, total }: Answer): unknown {
  return command.command === 'models'
    ? ({ models: body as ModelPage['models'], total } satisfies ModelPage)
    : body;
}

/** Without what lets all pass: an address is logged, and read by people. */
function modelsQuery({ bits, ...query }: ModelQuery): URLSearchParams {
  const parameters = queryOf(query);
  for (const count of bits) {
    parameters.append('bits', String(count));
  }
  return parameters;
}

function queryOf(fields: Readonly<Record<string, string | number | boolean | null | undefined>>) {
  const set = Object.entries(fields).filter(([, value]) => value != null && value !== false);
  return new URLSearchParams(
    set.filter(([, value]) => value !== '').map(([name, value]) => [name, String(value)]),
  );
}
