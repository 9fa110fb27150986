import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';

import { isProblem, ProblemError } from '../core/problem';

const API = 'mlx-manager/api';

/** One request to our routes. */
export interface Asked {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** Segments, not encoded: a name or an id may hold anything. */
  readonly path: readonly string[];
  readonly query?: URLSearchParams;
  readonly body?: unknown;
}

/** What came back: JSON, null if there was none, and of a list how many there are in all. */
export interface Answer {
  readonly body: unknown;
  readonly total: number;
}

/** Our routes under Jupyter's own URL, with Jupyter's own login. */
export class Rest {
  constructor(private readonly settings: ServerConnection.ISettings) {}

  /**
   * Asks, and waits for the answer.
   *
   * @throws HttpError when the extension, or something before it, refused
   * @throws ServerConnection.NetworkError when Jupyter does not answer, or `signal` aborted
   */
  async request({ method, path, query, body }: Asked, signal?: AbortSignal): Promise<Answer> {
    const address = URLExt.join(this.settings.baseUrl, API, ...path.map(encodeURIComponent));
    const search = query?.toString() ?? '';
    const response = await ServerConnection.makeRequest(
      search === '' ? address : `${address}?${search}`,
      {
        method,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        ...(signal && { signal }),
      },
      this.settings,
    );
    const text = await response.text();
    if (!response.ok) {
      throw new HttpError(response.status, response.statusText, parsed(text));
    }
    return { body: parsed(text), total: Number(response.headers.get('X-Total-Count')) };
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

/** The same answer; a Jupyter that does not give one is said in words, like everything else. */
export async function reachable<T>(answer: Promise<T>, signal?: AbortSignal): Promise<T> {
  try {
    return await answer;
  } catch (thrown) {
    signal?.throwIfAborted();
    throw thrown instanceof ServerConnection.NetworkError
      ? new ProblemError({
          code: 'extension_unreachable',
          message: 'Jupyter does not answer.',
          hint: 'Is it still running?',
        })
      : thrown;
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
