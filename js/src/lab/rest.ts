import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';

import { isProblem, ProblemError } from '../core/problem';

const API = 'mlx-manager/api';

/** Our routes under Jupyter's own URL, with Jupyter's own login. */
export class Rest {
  constructor(private readonly settings: ServerConnection.ISettings) {}

  /**
   * The JSON of an answer; null for an empty one.
   *
   * @throws HttpError when the extension, or something before it, refused
   * @throws ServerConnection.NetworkError when Jupyter does not answer
   */
  async request(method: 'GET' | 'POST' | 'DELETE', ...path: string[]): Promise<unknown> {
    const url = URLExt.join(this.settings.baseUrl, API, ...path);
    const response = await ServerConnection.makeRequest(url, { method }, this.settings);
    const text = await response.text();
    if (!response.ok) {
      throw new HttpError(response.status, response.statusText, parsed(text));
    }
    return parsed(text);
  }

  /** Opens the event stream, after `lastId` if the extension still knows what followed it. */
  events(lastId: string | null): WebSocket {
    const query: Record<string, string> = {};
    if (lastId !== null) {
      query.last_id = lastId;
    }
    if (this.settings.appendToken && this.settings.token !== '') {
      query.token = this.settings.token;
    }
    const url = URLExt.join(this.settings.wsUrl, API, 'events');
    return new this.settings.WebSocket(url + URLExt.objectToQueryString(query));
  }
}

/** An answer that is not a success. */
export class HttpError extends ProblemError {
  constructor(
    readonly status: number,
    statusText: string,
    body: unknown,
  ) {
    super(isProblem(body) ? body : { code: `http_${String(status)}`, message: statusText });
  }
}

/** A proxy's error page is not JSON: then the status has to say it all. */
function parsed(text: string): unknown {
  try {
    return text === '' ? null : JSON.parse(text);
  } catch {
    return null;
  }
}
