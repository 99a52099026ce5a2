/**
 * Named contexts (`--build-context name=value`) as buildx reads them: what kind of thing a value means, and which names
 * stand for the same image. Nothing is opened here.
 */
import { isDigest, parseDigest, type BlobDigest } from '../base/digest.ts';
import { TsbuildError } from '../base/errors.ts';
import { familiarName, isReference, parseReference, withDefaultTag } from '../image/reference.ts';

/** What the value of `--build-context` means. */
export type NamedContext =
  | { readonly kind: 'directory'; readonly path: string }
  | { readonly kind: 'image'; readonly reference: string }
  | { readonly kind: 'oci-layout'; readonly path: string; readonly tag?: string; readonly digest?: BlobDigest }
  /** A git or http(s) address. */
  | { readonly kind: 'remote'; readonly url: string };

/**
 * Reads a value: `docker-image://ref`, `oci-layout://dir[:tag][@digest]`, a git or http(s) address, else a directory.
 * @throws TsbuildError `NAMED_CONTEXT_INVALID`, `REFERENCE_INVALID`, class usage
 */
export function parseNamedContext(value: string): NamedContext {
  if (value.startsWith('docker-image://')) {
    const reference = value.slice('docker-image://'.length);
    parseReference(reference);
    return { kind: 'image', reference };
  }
  if (value.startsWith('oci-layout://')) return parseLayout(value.slice('oci-layout://'.length));
  if (/^(https?|git|ssh):\/\//.test(value) || /^git@[^/]+:/.test(value)) return { kind: 'remote', url: value };
  if (/^[a-z][a-z0-9+.-]*:\/\//.test(value)) throw invalid(value, 'this kind of source is not known');
  if (/^(target|input):/.test(value)) throw invalid(value, 'it names a part of a bake file or of another builder, which are not read');
  if (value === '') throw invalid(value, 'it is empty');
  return { kind: 'directory', path: value };
}

/** The name under which contexts and images meet: `docker.io/library/busybox:latest` and `busybox` are one. */
export function contextKey(name: string): string {
  if (!isReference(name)) return name;
  return familiarName(withDefaultTag(parseReference(name))).replace(/:latest$/, '');
}

/** The named context that stands for an image, if there is one. */
export function findNamedContext(contexts: ReadonlyMap<string, NamedContext>, reference: string): NamedContext | null {
  const exact = contexts.get(reference);
  if (exact !== undefined) return exact;
  const wanted = contextKey(reference);
  for (const [name, context] of contexts) {
    if (contextKey(name) === wanted) return context;
  }
  return null;
}

function parseLayout(text: string): NamedContext {
  const at = text.lastIndexOf('@');
  const digestText = at === -1 ? undefined : text.slice(at + 1);
  const isPinned = digestText !== undefined && isDigest(digestText);
  if (digestText?.startsWith('sha256:') === true && !isPinned) throw invalid(text, `${JSON.stringify(digestText)} is not a sha256 digest`);
  const rest = isPinned ? text.slice(0, at) : text;
  const colon = rest.lastIndexOf(':');
  const isTagged = colon > rest.lastIndexOf('/');
  const path = isTagged ? rest.slice(0, colon) : rest;
  if (path === '') throw invalid(text, 'it names no directory');
  return {
    kind: 'oci-layout',
    path,
    ...(isTagged ? { tag: rest.slice(colon + 1) } : {}),
    ...(isPinned ? { digest: parseDigest<BlobDigest>(digestText, text) } : {}),
  };
}

function invalid(value: string, cause: string): TsbuildError {
  return new TsbuildError('usage', 'NAMED_CONTEXT_INVALID', `named context ${JSON.stringify(value)}: ${cause}`, {
    hint: 'Use a directory, docker-image://REFERENCE, oci-layout://DIRECTORY[:TAG][@DIGEST], or a git or http address.',
  });
}
