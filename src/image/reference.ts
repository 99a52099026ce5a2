/**
 * Image references as Docker reads them (distribution/reference, grammar in its `reference.go`): parsing with
 * normalisation, the full name and the short one. It does not know whether an image exists. Start at `parseReference`.
 */
import { isDigest, parseDigest, type BlobDigest } from '../base/digest.ts';
import { TsbuildError } from '../base/errors.ts';

/** The registry that a name without one means. */
export const defaultRegistry = 'docker.io';
/** The namespace on Docker Hub that a name without a slash is in. */
const officialNamespace = 'library';
const defaultTag = 'latest';
const referenceCharsMax = 2048;
const repositoryCharsMax = 255;

/** A normalised reference. Both tag and digest may be absent; the digest decides where both are there. */
export interface Reference {
  /** Host and perhaps port: `docker.io`, `localhost:5000`, `[::1]:5000`. */
  readonly registry: string;
  /** `library/busybox`, always lower case. */
  readonly repository: string;
  readonly tag?: string;
  readonly digest?: BlobDigest;
}

const hostLabel = '[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?';
const registryPattern = new RegExp(`^(?:${hostLabel}(?:\\.${hostLabel})*|\\[[a-fA-F0-9:]+\\])(?::([0-9]{1,5}))?$`);
const component = '[a-z0-9]+(?:(?:\\.|_{1,2}|-+)[a-z0-9]+)*';
const repositoryPattern = new RegExp(`^${component}(?:/${component})*$`);
const tagPattern = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;

/**
 * Reads a reference the way `docker pull` does: `busybox` is `docker.io/library/busybox`, and the first component is a
 * registry if it has a dot, a colon or an upper-case letter or is `localhost`.
 * @throws TsbuildError `REFERENCE_INVALID`, class usage
 */
export function parseReference(text: string): Reference {
  if (text === '') throw invalid(text, 'it is empty');
  if (text.length > referenceCharsMax) throw invalid(`${text.slice(0, 60)}…`, `it has more than ${referenceCharsMax} characters`);
  if (/^[0-9a-f]{64}$/.test(text)) throw invalid(text, '64 hexadecimal digits are an image ID, not a name');
  const { name, tag, digest } = splitSuffixes(text);
  const { registry, repository } = splitRegistry(name);
  if (!registryPattern.test(registry)) throw invalid(text, `${JSON.stringify(registry)} is not a registry host`);
  if (Number(registryPattern.exec(registry)?.[1] ?? 0) > 65535) throw invalid(text, `the port of ${registry} is above 65535`);
  checkRepository(text, repository);
  if (tag !== undefined && !tagPattern.test(tag)) throw invalid(text, `${JSON.stringify(tag)} is not a tag`);
  return { registry, repository, ...(tag === undefined ? {} : { tag }), ...(digest === undefined ? {} : { digest }) };
}

/** Whether the text is a reference. */
export function isReference(text: string): boolean {
  try {
    parseReference(text);
    return true;
  } catch (error) {
    if (error instanceof TsbuildError && error.code === 'REFERENCE_INVALID') return false;
    throw error;
  }
}

/** The same reference with `latest` where it has neither tag nor digest. */
export function withDefaultTag(reference: Reference): Reference {
  if (reference.tag !== undefined || reference.digest !== undefined) return reference;
  return { ...reference, tag: defaultTag };
}

/** The full name, as the store's tags are called: `docker.io/library/busybox:1.36@sha256:…`. Adds nothing. */
export function formatReference(reference: Reference): string {
  return `${reference.registry}/${reference.repository}${suffixOf(reference)}`;
}

/** The name as people write it: `busybox`, `user/app:1`, `quay.io/user/app`. */
export function familiarName(reference: Reference): string {
  if (reference.registry !== defaultRegistry) return formatReference(reference);
  const [namespace, short, ...rest] = reference.repository.split('/');
  // `docker.io/a.b/c` stays long: `a.b/c` would be another registry's (distribution/reference gets this wrong).
  if (namespace !== undefined && looksLikeRegistry(namespace)) return formatReference(reference);
  const official = namespace === officialNamespace && short !== undefined && rest.length === 0;
  return `${official ? short : reference.repository}${suffixOf(reference)}`;
}

function suffixOf(reference: Reference): string {
  const tag = reference.tag === undefined ? '' : `:${reference.tag}`;
  return reference.digest === undefined ? tag : `${tag}@${reference.digest}`;
}

function splitSuffixes(text: string): { name: string; tag: string | undefined; digest: BlobDigest | undefined } {
  const at = text.indexOf('@');
  const named = at === -1 ? text : text.slice(0, at);
  const digestText = at === -1 ? undefined : text.slice(at + 1);
  if (digestText !== undefined && !isDigest(digestText)) throw invalid(text, `${JSON.stringify(digestText)} is not a sha256 digest`);
  const digest = digestText === undefined ? undefined : parseDigest<BlobDigest>(digestText, text);
  const colon = named.lastIndexOf(':');
  if (colon === -1 || colon < named.lastIndexOf('/')) return { name: named, tag: undefined, digest };
  return { name: named.slice(0, colon), tag: named.slice(colon + 1), digest };
}

function splitRegistry(name: string): { registry: string; repository: string } {
  const slash = name.indexOf('/');
  const first = slash === -1 ? '' : name.slice(0, slash);
  const isRegistry = looksLikeRegistry(first);
  const registry = !isRegistry || first === `index.${defaultRegistry}` ? defaultRegistry : first;
  const repository = isRegistry ? name.slice(slash + 1) : name;
  const short = registry === defaultRegistry && !repository.includes('/');
  return { registry, repository: short ? `${officialNamespace}/${repository}` : repository };
}

function looksLikeRegistry(component: string): boolean {
  return /[.:]/.test(component) || component === 'localhost' || component !== component.toLowerCase();
}

function checkRepository(text: string, repository: string): void {
  if (repository !== repository.toLowerCase()) throw invalid(text, 'the repository name must be lower case');
  if (repository.length > repositoryCharsMax) throw invalid(text, `the repository name has more than ${repositoryCharsMax} characters`);
  if (!repositoryPattern.test(repository)) throw invalid(text, `${JSON.stringify(repository)} is not a repository name`);
}

function invalid(text: string, cause: string): TsbuildError {
  return new TsbuildError('usage', 'REFERENCE_INVALID', `image reference ${JSON.stringify(text)}: ${cause}`, {
    hint: 'Write it as [registry[:port]/]repository[:tag][@sha256:…], for example docker.io/library/busybox:1.36.',
  });
}
