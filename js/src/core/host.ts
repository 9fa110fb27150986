import { createContext } from 'preact';
import { useContext } from 'preact/hooks';

import { copyText } from './clipboard';
import { createFormat, type Format } from './format';
import type { CreateKey, Key, NewKey, Problem } from './schema';

/** Puts a text into the user's language; `%1`, `%2`… stand for the values. */
export type Translate = (text: string, ...values: (string | number)[]) => string;

/** What a form is about: a profile that is saved, or the values that a new one begins with. */
export type ProfileSubject =
  | { readonly name: string }
  | { readonly name?: undefined; readonly values: Readonly<Record<string, unknown>> };

/** The keys of the gateway; each call rejects with a `ProblemError`. */
export interface Keys {
  list(signal?: AbortSignal): Promise<readonly Key[]>;
  /** The only answer with the secret. */
  create(wanted: Partial<CreateKey>): Promise<NewKey>;
  revoke(id: string): Promise<void>;
}

/** What the place that shows a view can do for it. An action it lacks is not offered. */
export interface Host {
  readonly t: Translate;
  readonly format: Format;
  copy(text: string): Promise<void>;
  /** Puts a ready `%%mlx_chat` cell into a notebook. */
  readonly insertCell?: (name: string) => void;
  /** Opens the log elsewhere; without it a row unfolds its own. */
  readonly openLogs?: (name: string) => void;
  /** Opens a profile's form elsewhere; without it the list gives way to the form. */
  readonly openProfile?: (subject: ProfileSubject) => void;
  /** Opens the figures over time. */
  readonly openMetrics?: (() => void) | undefined;
  readonly openSettings?: () => void;
  /** Only where no kernel stands between: what passes through one may end up in a notebook. */
  readonly keys?: Keys;
  /** Shows a failed command; without it the view does. */
  readonly report?: (problem: Problem) => void;
  /** Tries again to reach an extension that refused. */
  readonly retry?: () => void;
}

/** English, as written. */
export const english: Translate = (text, ...values) =>
  text.replace(/%(\d)/g, (placeholder, index: string) =>
    String(values[Number(index) - 1] ?? placeholder),
  );

/** A host with no powers of its own: the browser's clipboard and number format. */
export const PLAIN_HOST: Host = { t: english, format: createFormat(), copy: copyText };

const HostContext = createContext<Host>(PLAIN_HOST);

export const HostProvider = HostContext.Provider;

export function useHost(): Host {
  return useContext(HostContext);
}
