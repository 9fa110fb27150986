import type { ModelPage, ModelQuery } from '../core/schema';
import type { Command } from '../core/store';
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
    case 'serve':
      return { method: 'POST', path: ['servers'], body: { model: command.model } };
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
