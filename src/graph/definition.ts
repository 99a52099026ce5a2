/**
 * Definition keys: what a vertex would do, without running anything; equal keys mean the same work.
 * Images are in it by the digest of their manifest. A context is in it by its name: within one build a name has one
 * content. The content key that decides about the cache is made in `build/` from what an operation really consumes.
 */
import { canonicalJson, makeKey, type CacheKey, type JsonValue, type KeyPart } from '../base/canonical.ts';
import type { KeyDigest } from '../base/digest.ts';
import { inputsOf, type ConfigOperation, type CopyOperation, type CopySource, type Graph, type Operation, type RunMount, type RunOperation, type VertexID } from './vertex.ts';

/** The definition key of a vertex that was visited before. */
type KeyOf = (id: VertexID) => KeyDigest | null;

/** The definition key of every vertex. Work that must not come from the cache is other work than the same from it. */
export function definitionKeys(graph: Graph): ReadonlyMap<VertexID, CacheKey> {
  const keys = new Map<VertexID, CacheKey>();
  const keyOf: KeyOf = (id) => keys.get(id)?.digest ?? null;
  for (const { id, operation, ignoreCache } of graph.vertices) {
    const parts: readonly KeyPart[] = [
      ...partsOf(operation, keyOf),
      { name: 'inputs', value: inputsOf(operation).map(keyOf) },
      { name: 'ignore cache', value: ignoreCache },
    ];
    keys.set(id, makeKey(`definition-${operation.kind}/3`, parts));
  }
  return keys;
}

/** What an operation does, its inputs left out. Progress, positions and proxies are not in it. */
function partsOf(operation: Operation, keyOf: KeyOf): readonly KeyPart[] {
  switch (operation.kind) {
    case 'image':
      return [
        { name: 'manifest', value: operation.manifest },
        { name: 'platform', value: { ...operation.platform } },
      ];
    case 'scratch':
      return [];
    case 'context':
      return [{ name: 'name', value: operation.name }];
    case 'git':
      return [
        { name: 'repository', value: { ...operation.url } },
        { name: 'keep .git', value: operation.keepsGit },
      ];
    case 'run':
      return runParts(operation);
    case 'copy':
      return copyParts(operation);
    case 'workdir':
      return [
        { name: 'path', value: operation.path },
        { name: 'user', value: operation.user },
      ];
    case 'config':
      return configParts(operation, keyOf);
  }
}

function runParts(operation: RunOperation): readonly KeyPart[] {
  return [
    { name: 'command', value: operation.args },
    { name: 'environment', value: operation.env },
    { name: 'working directory', value: operation.cwd },
    { name: 'user', value: operation.user },
    { name: 'mounts', value: operation.mounts.map(mountValue) },
    { name: 'network', value: operation.network },
    { name: 'security', value: operation.security },
    { name: 'host name', value: operation.hostname },
    { name: 'extra hosts', value: operation.extraHosts },
    { name: 'shm size', value: operation.shmSizeBytes },
    { name: 'ulimits', value: operation.ulimits.map(({ name, soft, hard }) => [name, soft, hard]) },
    { name: 'inline file', value: operation.inlineFile === null ? null : [operation.inlineFile.name, operation.inlineFile.content] },
    { name: 'platform', value: { ...operation.platform } },
  ];
}

/** Which mounts have an input is told here, which one by the inputs' order. */
function mountValue(mount: RunMount): JsonValue {
  switch (mount.kind) {
    case 'bind':
      return [mount.kind, mount.source, mount.target, mount.readOnly];
    case 'cache': {
      const { kind, namespace, id, target, readOnly, sharing, from, source, initial } = mount;
      return [kind, namespace, id, target, readOnly, sharing, from !== null, source, initial];
    }
    case 'tmpfs':
      return [mount.kind, mount.target, mount.readOnly, mount.sizeBytes];
    case 'secret':
      return [mount.kind, mount.id, mount.target, mount.env, mount.required, mount.mode, mount.uid, mount.gid];
    case 'ssh':
      return [mount.kind, mount.id, mount.target, mount.required, mount.mode, mount.uid, mount.gid];
  }
}

function copyParts(operation: CopyOperation): readonly KeyPart[] {
  return [
    { name: 'instruction', value: operation.instruction },
    { name: 'sources', value: operation.sources.map(sourceValue) },
    { name: 'destination', value: operation.destination },
    { name: 'owner', value: operation.owner },
    { name: 'mode', value: operation.mode },
    { name: 'link', value: operation.link },
    { name: 'parents', value: operation.parents },
    { name: 'excludes', value: operation.excludes },
    { name: 'unpack', value: [operation.unpack, operation.unpackRemote] },
  ];
}

function sourceValue(source: CopySource): JsonValue {
  switch (source.kind) {
    case 'path':
      return [source.kind, source.pattern, source.include ?? null];
    case 'git':
      return [source.kind]; // which one is told by the inputs' order
    case 'inline':
      return [source.kind, source.name, source.content];
    case 'http':
      return [source.kind, source.url, source.filename, source.checksum];
  }
}

function configParts({ config, baseHistory, history }: ConfigOperation, keyOf: KeyOf): readonly KeyPart[] {
  return [
    { name: 'config', value: toJson(config) },
    { name: 'base history', value: toJson(baseHistory) },
    { name: 'history', value: history.map(({ entry, layer }) => [toJson(entry), layer === null ? null : keyOf(layer)]) },
  ];
}

/** Plain data as JSON has it. */
function toJson(value: unknown): JsonValue {
  return JSON.parse(JSON.stringify(value)) as JsonValue; // what JSON.stringify wrote is JSON
}

/** The whole graph as canonical JSON, definition keys included. */
export function graphJson(graph: Graph): string {
  const keys = definitionKeys(graph);
  const vertices = graph.vertices.map((vertex) => ({
    ...(toJson(vertex) as { readonly [key: string]: JsonValue }), // a vertex is an object
    definitionKey: keys.get(vertex.id)?.digest ?? null,
  }));
  return canonicalJson({ version: 2, targets: graph.targets, targetName: graph.targetName, vertices });
}
