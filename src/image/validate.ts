/**
 * The oracle of the tests and of `tsbuild inspect --validate`: reads a whole image again and says everything that is
 * wrong with it (model: go-containerregistry `pkg/v1/validate`). It repairs nothing and reads no disk: the caller brings
 * the bytes and the decompressor. Start at `validateImage`.
 */
import { blobOfDiffID, digestOf, type BlobDigest } from '../base/digest.ts';
import { messageOf } from '../base/errors.ts';
import type { Descriptor, ImageConfig, Manifest } from './config.ts';
import { decodeManifestOrIndex } from './decode.ts';
import { checkLayerCount, decodeImageConfig } from './decode-config.ts';
import { indexDepthMax } from './limits.ts';
import { platformsEqual } from './platform.ts';

/** Where the validator gets bytes from. */
export interface ImageSource {
  /** The bytes under a digest, unverified: the validator hashes them itself. */
  read(descriptor: Descriptor): Promise<Uint8Array>;
  /** The tar in a layer blob, whatever its compression. */
  decompress(blob: Uint8Array): Promise<Uint8Array>;
}

/**
 * Hashes everything that the descriptor leads to.
 * @returns the problems, one sentence each; an empty list is a valid image
 */
export async function validateImage(root: Descriptor, source: ImageSource): Promise<readonly string[]> {
  return validateDocument(root, source, 0);
}

async function validateDocument(descriptor: Descriptor, source: ImageSource, depth: number): Promise<readonly string[]> {
  if (depth > indexDepthMax) return [`${descriptor.digest}: indexes are nested deeper than ${indexDepthMax}`];
  return attempt(descriptor.digest, async () => {
    const bytes = await source.read(descriptor);
    const problems = compareBlob(descriptor, bytes, 'document');
    const decoded = decodeManifestOrIndex(bytes, { name: descriptor.digest, mediaType: descriptor.mediaType });
    if (decoded.kind === 'manifest') return [...problems, ...(await validateManifest(decoded.manifest, descriptor, source))];
    for (const child of decoded.index.manifests) problems.push(...(await validateDocument(child, source, depth + 1)));
    return problems;
  });
}

async function validateManifest(manifest: Manifest, descriptor: Descriptor, source: ImageSource): Promise<string[]> {
  const bytes = await source.read(manifest.config);
  const problems = compareBlob(manifest.config, bytes, 'config');
  const config = decodeImageConfig(bytes, `config ${manifest.config.digest}`);
  checkLayerCount(manifest, config, descriptor.digest);
  if (descriptor.platform !== undefined && !platformsEqual(descriptor.platform, config)) {
    problems.push(`config ${manifest.config.digest}: its platform is not the one of its descriptor`);
  }
  problems.push(...validateHistory(manifest, config));
  for (const [index, layer] of manifest.layers.entries()) {
    problems.push(...(await validateLayer(layer, config.rootfs.diff_ids[index], source)));
  }
  return problems;
}

function validateHistory(manifest: Manifest, config: ImageConfig): string[] {
  if (config.history === undefined || config.history.length === 0) return [];
  const filled = config.history.filter((entry) => entry.empty_layer !== true).length;
  if (filled === manifest.layers.length) return [];
  return [`config ${manifest.config.digest}: ${filled} history entries with a layer, but ${manifest.layers.length} layers`];
}

async function validateLayer(layer: Descriptor, diffID: ImageConfig['rootfs']['diff_ids'][number] | undefined, source: ImageSource): Promise<readonly string[]> {
  return attempt(`layer ${layer.digest}`, async () => {
    const bytes = await source.read(layer);
    const problems = compareBlob(layer, bytes, 'layer');
    const tar = await source.decompress(bytes);
    const actual = digestOf<BlobDigest>(tar);
    if (diffID === undefined || actual !== blobOfDiffID(diffID)) problems.push(`layer ${layer.digest}: its tar is ${actual}, the config says ${diffID}`);
    if (tar.length % 512 !== 0) problems.push(`layer ${layer.digest}: its tar of ${tar.length} bytes is not whole blocks`);
    return problems;
  });
}

function compareBlob(descriptor: Descriptor, bytes: Uint8Array, what: string): string[] {
  const problems: string[] = [];
  const actual = digestOf<BlobDigest>(bytes);
  if (actual !== descriptor.digest) problems.push(`${what} ${descriptor.digest}: its bytes are ${actual}`);
  if (bytes.length !== descriptor.size) problems.push(`${what} ${descriptor.digest}: has ${bytes.length} bytes, the descriptor says ${descriptor.size}`);
  return problems;
}

async function attempt(what: string, check: () => Promise<readonly string[]>): Promise<readonly string[]> {
  try {
    return await check();
  } catch (error) {
    return [`${what}: ${messageOf(error)}`];
  }
}
