import type { ServerConnection } from '@jupyterlab/services';

import type { Keys } from '../core/host';
import type { CreateKey, Key, NewKey } from '../core/schema';
import { reachable, Rest } from './rest';

/** The keys of the gateway, by REST. */
export class ServerKeys implements Keys {
  private readonly rest: Rest;

  constructor(settings: ServerConnection.ISettings) {
    this.rest = new Rest(settings);
  }

  list(signal?: AbortSignal): Promise<readonly Key[]> {
    return reachable(
      this.rest
        .request({ method: 'GET', path: ['keys'] }, signal)
        .then(({ body }) => body as readonly Key[]),
      signal,
    );
  }

  create(wanted: Partial<CreateKey>): Promise<NewKey> {
    return reachable(
      this.rest
        .request({ method: 'POST', path: ['keys'], body: wanted })
        .then(({ body }) => body as NewKey),
    );
  }

  async revoke(id: string): Promise<void> {
    await reachable(this.rest.request({ method: 'DELETE', path: ['keys', id] }));
  }
}
