/**
 * Content keys: what an operation really consumes, and nothing else. Changing what is in a key means raising its version.
 * History, labels, proxies, secrets' values and the words of progress are in none of them.
 */
import { makeKey, type CacheKey, type JsonValue, type KeyPart } from '../base/canonical.ts';
import { chainIDOf, digestOf, type ContentDigest, type DiffID } from '../base/digest.ts';
import { encodePath } from '../base/path-bytes.ts';
import type { CopyOperation, CopySource, RunMount, RunOperation, VertexID, WorkdirOperation } from '../graph/vertex.ts';
import { layerFormat } from '../layer/layer.ts';
import { planFromContext } from './context-items.ts';
import { contextDigest } from './context-layer.ts';
import { landingOf, selectOptions } from './copy-plan.ts';
import type { BuildEnvironment } from './environment.ts';
import type { Inputs } from './executor.ts';
import { resolveRepository } from './repository-tree.ts';

/** What every layer depends on: its form and its times. */
function formParts({ times }: BuildEnvironment): readonly KeyPart[] {
  return [
    { name: 'layer format', value: layerFormat },
    { name: 'times', value: times.kind === 'clamp' ? times.seconds : 'keep' },
  ];
}

function chain(layers: readonly DiffID[] | undefined): JsonValue {
  return chainIDOf(layers ?? []);
}

/** RUN: the root, the command line and everything that the step can see. */
export async function runKey(environment: BuildEnvironment, operation: RunOperation, inputs: Inputs, signal: AbortSignal): Promise<CacheKey> {
  const mounts = await Promise.all(operation.mounts.map((mount) => mountValue(environment, mount, inputs, signal)));
  return makeKey('run/3', [
    { name: 'root', value: chain(inputs.get(operation.root)?.layers) },
    { name: 'command', value: operation.args },
    { name: 'environment', value: operation.env.map(([name, value]) => [name, value]) },
    { name: 'working directory', value: operation.cwd },
    { name: 'user', value: operation.user },
    { name: 'mounts', value: mounts },
    { name: 'network', value: operation.network },
    { name: 'security', value: operation.security },
    { name: 'host name', value: operation.hostname },
    { name: 'extra hosts', value: operation.extraHosts.map(([name]) => name) },
    { name: 'shm size', value: operation.shmSizeBytes },
    { name: 'ulimits', value: operation.ulimits.map(({ name, soft, hard }) => [name, soft, hard]) },
    { name: 'inline file', value: operation.inlineFile === null ? null : [operation.inlineFile.name, operation.inlineFile.content] },
    { name: 'platform', value: { ...operation.platform } },
    ...formParts(environment),
  ]);
}

/** A mount as a key sees it: what is in a bind, but neither a secret's value nor what a cache holds beyond its beginning. */
async function mountValue(environment: BuildEnvironment, mount: RunMount, inputs: Inputs, signal: AbortSignal): Promise<JsonValue> {
  switch (mount.kind) {
    case 'bind': {
      const content = await contentValue(environment, mount.from, mount.source, inputs, signal);
      return { kind: 'bind', content, source: mount.source, target: mount.target, readOnly: mount.readOnly };
    }
    case 'cache': {
      const from = mount.from === null ? null : await contentValue(environment, mount.from, '/', inputs, signal);
      return { ...mount, from };
    }
    case 'tmpfs':
    case 'secret':
    case 'ssh':
      return { ...mount };
  }
}

/** What `from` of a mount shows at a path. */
async function contentValue(environment: BuildEnvironment, from: VertexID, source: string, inputs: Inputs, signal: AbortSignal): Promise<JsonValue> {
  const operation = environment.graph.vertices[from]?.operation;
  return operation?.kind === 'context' ? contextDigest(environment, operation.name, source, signal) : chain(inputs.get(from)?.layers);
}

/** COPY and ADD: the merged tree that the destination is resolved in, and what will land there. */
export async function copyKey(environment: BuildEnvironment, operation: CopyOperation, inputs: Inputs, signal: AbortSignal): Promise<CacheKey> {
  const files = await Promise.all(operation.sources.map((source) => sourceValue(environment, operation, source, inputs, signal)));
  return makeKey('copy/5', [
    { name: 'root', value: operation.link ? 'any' : chain(inputs.get(operation.root)?.layers) },
    { name: 'files', value: files },
    { name: 'destination', value: operation.destination },
    { name: 'owner', value: operation.owner },
    { name: 'mode', value: operation.mode },
    { name: 'link', value: operation.link },
    { name: 'parents', value: operation.parents },
    { name: 'excludes', value: operation.excludes },
    { name: 'unpack', value: [operation.unpack, operation.unpackRemote] },
    ...formParts(environment),
  ]);
}

/** Fields are named, and `name` is what a miss is explained by: the kind of a source says little. */
async function sourceValue(
  environment: BuildEnvironment,
  operation: CopyOperation,
  source: CopySource,
  inputs: Inputs,
  signal: AbortSignal,
): Promise<JsonValue> {
  switch (source.kind) {
    case 'inline':
      return { kind: 'inline', name: source.name, digest: digestOf<ContentDigest>(encodePath(source.content)) };
    case 'http': {
      const { digest } = await environment.downloads.resolve({ what: 'ADD', url: source.url, checksum: source.checksum, signal });
      return { kind: 'http', name: source.filename, digest };
    }
    case 'git':
      return { kind: 'git', identity: (await resolveRepository(environment, source.from, signal)).identity };
    case 'path': {
      const from = environment.graph.vertices[source.from]?.operation;
      if (from?.kind !== 'context') {
        return { kind: 'layers', chain: chain(inputs.get(source.from)?.layers), pattern: source.pattern, include: source.include ?? null };
      }
      // The owner that was asked for is a part of the key as it was written: what a name means depends on the root.
      const { digest } = await planFromContext(environment, {
        name: from.name, pattern: source.pattern, options: selectOptions(operation, source), landing: landingOf(operation, null), signal,
      });
      return { kind: 'context', digest };
    }
  }
}

export function workdirKey(environment: BuildEnvironment, operation: WorkdirOperation, inputs: Inputs): CacheKey {
  return makeKey('workdir/3', [
    { name: 'root', value: chain(inputs.get(operation.root)?.layers) },
    { name: 'path', value: operation.path },
    { name: 'user', value: operation.user },
    ...formParts(environment),
  ]);
}
