/** Images of `images.ts` as tars: OCI archives and what `docker save` writes. Start at `archiveOf`. */
import { pack, type Header } from 'tar-stream';
import { hexOf, type BlobDigest } from '../../src/base/digest.ts';
import { collect } from '../registry/client.ts';
import type { Made } from './images.ts';

/** An entry of a tar: its content, or a header without content. */
export type Content = string | Buffer | Partial<Header>;

export async function tarOf(entries: readonly (readonly [string, Content])[]): Promise<Buffer> {
  const tar = pack();
  for (const [name, content] of entries) {
    if (typeof content === 'string' || content instanceof Buffer) tar.entry({ name }, content);
    else tar.entry({ name, ...content }, '');
  }
  tar.finalize();
  return collect(tar as AsyncIterable<Uint8Array>);
}

/** The members of an OCI archive with this image as `app:1`. */
export function archiveEntries(made: Made): readonly (readonly [string, Content])[] {
  const index = { schemaVersion: 2, manifests: [{ ...made.root, annotations: { 'org.opencontainers.image.ref.name': 'app:1' } }] };
  const blobs = [...made.blobs].map(([digest, bytes]) => [`blobs/sha256/${hexOf(digest as BlobDigest)}`, bytes] as const);
  return [['oci-layout', '{}'], ['index.json', JSON.stringify(index)], ...blobs];
}

export function archiveOf(made: Made): Promise<Buffer> {
  return tarOf(archiveEntries(made));
}

/** What `docker save` wrote before it wrote layouts: the same image as `app:1`. */
export function dockerArchiveOf(made: Made): Promise<Buffer> {
  const manifest = JSON.parse(String(made.blobs.get(made.root.digest))) as { readonly config: { readonly digest: string } };
  const layers = made.layers.map(({ digest }, index) => [`${index}/layer.tar`, made.blobs.get(digest) ?? ''] as const);
  const saved = [{ Config: 'config.json', RepoTags: ['app:1'], Layers: layers.map(([name]) => name) }];
  return tarOf([...layers, ['config.json', made.blobs.get(manifest.config.digest) ?? ''], ['manifest.json', JSON.stringify(saved)]]);
}
