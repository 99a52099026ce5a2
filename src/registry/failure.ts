/**
 * Turns what goes wrong with a registry into errors for people. Messages name host and reference; they never carry
 * headers, query strings or bodies other than the registry's own short message. Start at `statusFailure`.
 */
import { errnoCode, messageOf, TsbuildError } from '../base/errors.ts';

/** What an operation is about, for messages. */
export interface Subject {
  /** `pull docker.io/library/busybox:1.36` */
  readonly operation: string;
  /** The registry as in references, for `docker login`. */
  readonly registry: string;
  /** What a 404 means here. */
  readonly missing: 'image' | 'blob' | 'repository';
}

/** Codes that another attempt can mend: resets, time-outs, a resolver that is busy. */
const transientCodes = new Set(['ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'EAI_AGAIN', 'UND_ERR_SOCKET', 'UND_ERR_CONNECT_TIMEOUT', 'UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT', 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH', 'UND_ERR_CLOSED']);
const transientStatuses = new Set([408, 429, 500, 502, 503, 504]);
const certificateCodes = /^(CERT_|ERR_TLS_CERT|SELF_SIGNED|DEPTH_ZERO|UNABLE_TO_|HOSTNAME_MISMATCH|INVALID_CA)/;
const registryMessageCharsMax = 300;

/** The codes of errors from a connection that failed before any response. */
export const unreachableCode = 'REGISTRY_UNREACHABLE';

export function isTransientError(error: unknown): boolean {
  return transientCodes.has(connectionCode(error));
}

export function isTransientStatus(status: number): boolean {
  return transientStatuses.has(status);
}

/** The error of a request that was answered, but not as hoped. */
export function statusFailure(subject: Subject, host: string, response: { readonly status: number; readonly text: string; readonly helperFailure?: unknown }): TsbuildError {
  const said = registryMessage(response.text);
  const { code, cause, hint } = describeStatus(subject, response.status);
  const helper = response.helperFailure === undefined ? '' : ` The credential helper failed: ${messageOf(response.helperFailure)}.`;
  return new TsbuildError('registry', code, `${subject.operation}: ${host}: ${cause}${said === '' ? '' : `: ${said}`}`, {
    hint: `${hint}${helper}`,
    details: { status: response.status, host },
    ...(response.helperFailure === undefined ? {} : { cause: response.helperFailure }),
  });
}

/** The error of a request that got no answer. */
export function connectionFailure(subject: Subject, host: string, error: unknown): TsbuildError {
  const code = connectionCode(error);
  return new TsbuildError('registry', unreachableCode, `${subject.operation}: ${host}: ${connectionCause(code, error)}`, {
    cause: error,
    details: { host, errno: code },
    hint: connectionHint(code, subject.registry),
  });
}

/** The error of an operation that was told to stop. */
export function abortFailure(operation: string, signal: AbortSignal): TsbuildError {
  const reason: unknown = signal.reason;
  if (reason instanceof TsbuildError) return reason;
  return new TsbuildError('interrupted', 'INTERRUPTED', `${operation}: interrupted`, { cause: reason });
}

function describeStatus(subject: Subject, status: number): { code: string; cause: string; hint: string } {
  const login = `Log in with "docker login ${subject.registry}"; tsbuild uses the same credentials.`;
  switch (status) {
    case 401:
      return { code: 'REGISTRY_UNAUTHORIZED', cause: 'access denied: it does not exist or needs a login', hint: `Check the name for typing errors. ${login}` };
    case 403:
      return { code: 'REGISTRY_DENIED', cause: 'access denied', hint: `The account that is logged in may not do this. ${login}` };
    case 404:
      return subject.missing === 'blob'
        ? { code: 'BLOB_NOT_FOUND', cause: 'the registry does not have this blob', hint: 'The image is incomplete in the registry. Push it again.' }
        : { code: 'IMAGE_NOT_FOUND', cause: 'not found', hint: 'Check the name and the tag for typing errors.' };
    case 429:
      return { code: 'REGISTRY_RATE_LIMIT', cause: 'too many requests', hint: `The registry limits how often it is asked. Wait, use a mirror, or log in. ${login}` };
    default:
      return status >= 500
        ? { code: 'REGISTRY_UNAVAILABLE', cause: `the registry failed with HTTP status ${status}`, hint: 'Try again later.' }
        : { code: 'REGISTRY_UNEXPECTED', cause: `unexpected HTTP status ${status}`, hint: 'Check that the host is a container registry.' };
  }
}

function connectionCause(code: string, error: unknown): string {
  if (certificateCodes.test(code)) return `its certificate is not trusted (${code})`;
  switch (code) {
    case 'ENOTFOUND':
      return 'no such host';
    case 'ECONNREFUSED':
      return 'connection refused';
    case 'UND_ERR_CONNECT_TIMEOUT':
    case 'UND_ERR_HEADERS_TIMEOUT':
    case 'UND_ERR_BODY_TIMEOUT':
    case 'ETIMEDOUT':
      return 'no answer within the time limit';
    case '':
      return oneLine(messageOf(error));
    default:
      return `connection failed (${code})`;
  }
}

function connectionHint(code: string, registry: string): string {
  if (certificateCodes.test(code)) {
    return `Put the authority's certificate into /etc/docker/certs.d/${registry}/ca.crt, or name it in SSL_CERT_FILE.`;
  }
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return 'Check the name of the registry, the network and the proxy settings.';
  return 'Check that the registry is running and that HTTPS_PROXY and NO_PROXY are right.';
}

/** The errno-like code of an error or of what caused it; undici and happy-eyeballs wrap. */
function connectionCode(error: unknown): string {
  for (let current = error, depth = 0; current instanceof Error && depth < 5; depth += 1) {
    const code = errnoCode(current);
    if (code !== undefined) return code;
    current = current instanceof AggregateError ? current.errors[0] : current.cause;
  }
  return '';
}

/** The `message` of the registry's error document (distribution-spec, "Error Codes"), made safe for a terminal. */
function registryMessage(text: string): string {
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed !== 'object' || parsed === null || !('errors' in parsed) || !Array.isArray(parsed.errors)) return '';
    const first: unknown = parsed.errors[0];
    if (typeof first !== 'object' || first === null || !('message' in first) || typeof first.message !== 'string') return '';
    return oneLine(first.message);
  } catch (error) {
    // Not JSON: a proxy's HTML page. It says nothing that the status does not.
    if (error instanceof SyntaxError) return '';
    throw error;
  }
}

function oneLine(text: string): string {
  // Control characters of a stranger's message never reach a terminal.
  return text.replace(/[\p{Cc}\p{Cf}\s]+/gu, ' ').trim().slice(0, registryMessageCharsMax);
}
