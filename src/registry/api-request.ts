/**
 * A request to a registry's API as the operations write it down; endpoints and credentials come in later.
 */
import type { Subject } from './failure.ts';
import type { HttpRequest } from './transport.ts';

/** A request to the API. */
export interface ApiRequest {
  readonly method: HttpRequest['method'];
  /** `/v2/…`, or the whole URL of an upload. */
  readonly target: string | URL;
  readonly headers?: Readonly<Record<string, string>>;
  /** A stream is opened for each sending, and sent again only after a 401. */
  readonly body?: Uint8Array | (() => AsyncIterable<Uint8Array>);
  readonly scopes: readonly string[];
  /** Statuses that the caller deals with; all others become errors. */
  readonly accept: readonly number[];
  readonly subject: Subject;
  readonly signal: AbortSignal;
}
