/**
 * Digests, each kind its own type, so that one cannot be passed for another (OCI image spec, descriptor.md#digests).
 * Nothing here reads a file: callers hash streams themselves and bring the hex here.
 */
import { createHash } from 'node:crypto';
import { TsbuildError } from './errors.ts';

declare const kind: unique symbol;
type Branded<Kind extends string> = `sha256:${string}` & { readonly [kind]: Kind };

/** Digest of a blob's bytes as they are stored or sent. */
export type BlobDigest = Branded<'blob'>;
/** Digest of a layer's uncompressed tar (OCI config.md, `rootfs.diff_ids`). */
export type DiffID = Branded<'diffID'>;
/** Digest of a stack of diffIDs (OCI config.md, "Layer ChainID"). */
export type ChainID = Branded<'chainID'>;
/** Digest of a cache key's canonical encoding. */
export type KeyDigest = Branded<'key'>;
/** Digest of a file's content. */
export type ContentDigest = Branded<'content'>;

export type AnyDigest = BlobDigest | DiffID | ChainID | KeyDigest | ContentDigest;

const pattern = /^sha256:[0-9a-f]{64}$/;

/** Whether the text is a well-formed sha256 digest. */
export function isDigest(text: string): boolean {
  return pattern.test(text);
}

/**
 * Reads a digest that came from outside. Only sha256 is accepted: it is the one algorithm that every registry has.
 * @throws TsbuildError `DIGEST_INVALID`, class registry
 */
export function parseDigest<Kind extends AnyDigest>(text: unknown, what: string): Kind {
  if (typeof text !== 'string' || !pattern.test(text)) {
    throw new TsbuildError('registry', 'DIGEST_INVALID', `${what}: ${JSON.stringify(text)} is not a sha256 digest`);
  }
  return text as Kind;
}

/** The digest of bytes in memory. */
export function digestOf<Kind extends AnyDigest>(bytes: Uint8Array | string): Kind {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}` as Kind;
}

/** The digest whose hex form another hasher computed. */
export function digestFromHex<Kind extends AnyDigest>(hex: string): Kind {
  return parseDigest<Kind>(`sha256:${hex}`, 'computed digest');
}

/** The hex part, for file names. */
export function hexOf(digest: AnyDigest): string {
  return digest.slice('sha256:'.length);
}

/** Same bytes, another role: an uncompressed layer is a blob whose digest is its diffID. */
export function blobOfDiffID(diffID: DiffID): BlobDigest {
  return diffID as string as BlobDigest;
}

/**
 * The chainID of a stack of layers, lowest first; the empty stack has none.
 * Source: OCI image spec, config.md, "Layer ChainID".
 */
export function chainIDOf(diffIDs: readonly DiffID[]): ChainID | null {
  let chain: string | null = null;
  for (const diffID of diffIDs) {
    chain = chain === null ? diffID : digestOf<ChainID>(`${chain} ${diffID}`);
  }
  return chain as ChainID | null;
}
