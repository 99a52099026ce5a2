import assert from 'node:assert/strict';
import { test } from 'node:test';
import { canonicalJson, type JsonValue } from '../../src/base/canonical.ts';
import { mediaTypes } from '../../src/image/config.ts';
import { decodeManifestOrIndex } from '../../src/image/decode.ts';
import { checkLayerCount, decodeImageConfig } from '../../src/image/decode-config.ts';
import { configSizeBytesMax, manifestSizeBytesMax } from '../../src/image/limits.ts';

const digest = `sha256:${'a'.repeat(64)}`;
const configDescriptor = { mediaType: mediaTypes.ociConfig, digest, size: 10 };
const layer = { mediaType: mediaTypes.ociLayerGzip, digest, size: 10 };
const manifest = { schemaVersion: 2, mediaType: mediaTypes.ociManifest, config: configDescriptor, layers: [layer] };
const index = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [{ mediaType: mediaTypes.ociManifest, digest, size: 10 }] };

function decode(document: JsonValue | string, mediaType?: string) {
  const text = typeof document === 'string' ? document : canonicalJson(document);
  return decodeManifestOrIndex(Buffer.from(text), { name: 'test', ...(mediaType === undefined ? {} : { mediaType }) });
}

test('a manifest and an index are told apart by what they hold', () => {
  assert.equal(decode(manifest).kind, 'manifest');
  assert.equal(decode(index).kind, 'index');
  const bare = { schemaVersion: 2, config: configDescriptor, layers: [layer] };
  assert.equal(decode(bare, 'application/json').kind, 'manifest');
  assert.equal(decode(manifest, `${mediaTypes.ociManifest}; charset=utf-8`).kind, 'manifest');
});

const refused: readonly (readonly [string, JsonValue | string, string])[] = [
  ['a document that is both (CVE-2021-41190)', { ...manifest, ...index }, 'MANIFEST_AMBIGUOUS'],
  ['an index that calls itself a manifest', { ...index, mediaType: mediaTypes.ociManifest }, 'MANIFEST_AMBIGUOUS'],
  ['a manifest that calls itself an index', { ...manifest, mediaType: mediaTypes.dockerIndex }, 'MANIFEST_AMBIGUOUS'],
  ['schema 1', { schemaVersion: 1, fsLayers: [], history: [] }, 'MANIFEST_SCHEMA1'],
  ['schema 1 by media type', { schemaVersion: 2, mediaType: 'application/vnd.docker.distribution.manifest.v1+prettyjws' }, 'MANIFEST_SCHEMA1'],
  ['schema 3', { ...manifest, schemaVersion: 3 }, 'DOCUMENT_INVALID'],
  ['no schema', { config: configDescriptor, layers: [] }, 'DOCUMENT_INVALID'],
  ['another kind of document', { ...manifest, mediaType: 'text/plain' }, 'NOT_AN_IMAGE'],
  ['a helm chart', { ...manifest, config: { ...configDescriptor, mediaType: 'application/vnd.cncf.helm.config.v1+json' } }, 'NOT_AN_IMAGE'],
  ['neither', { schemaVersion: 2 }, 'DOCUMENT_INVALID'],
  ['null', 'null', 'DOCUMENT_INVALID'],
  ['an array', '[]', 'DOCUMENT_INVALID'],
  ['no JSON', '{', 'DOCUMENT_INVALID'],
  ['broken UTF-8', '{"schemaVersion":2,"x":"\ud800"}', 'DOCUMENT_INVALID'],
  ['deep nesting', `{"x":${'['.repeat(200_000)}${']'.repeat(200_000)}}`, 'DOCUMENT_INVALID'],
  ['a huge document', `{"x":"${'a'.repeat(manifestSizeBytesMax)}"}`, 'DOCUMENT_TOO_LARGE'],
  ['a negative size', { ...manifest, layers: [{ ...layer, size: -1 }] }, 'DOCUMENT_INVALID'],
  ['an infinite size', '{"schemaVersion":2,"config":{"mediaType":"x","digest":"x","size":1e308},"layers":[]}', 'DOCUMENT_INVALID'],
  ['a fractional size', { ...manifest, layers: [{ ...layer, size: 1.5 }] }, 'DOCUMENT_INVALID'],
  ['a size as text', { ...manifest, layers: [{ ...layer, size: '10' }] }, 'DOCUMENT_INVALID'],
  ['a config larger than the limit', { ...manifest, config: { ...configDescriptor, size: configSizeBytesMax + 1 } }, 'DOCUMENT_INVALID'],
  ['a digest that is a path (CVE-2024-3727)', { ...manifest, layers: [{ ...layer, digest: 'sha256:../../../etc/passwd' }] }, 'DIGEST_INVALID'],
  ['a digest of another algorithm', { ...manifest, layers: [{ ...layer, digest: `md5:${'a'.repeat(32)}` }] }, 'DIGEST_INVALID'],
  ['no digest', { ...manifest, layers: [{ mediaType: layer.mediaType, size: 1 }] }, 'DIGEST_INVALID'],
  ['a foreign layer (CVE-2020-15157)', { ...manifest, layers: [{ ...layer, mediaType: 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip' }] }, 'FOREIGN_LAYER'],
  ['a layer with URLs', { ...manifest, layers: [{ ...layer, urls: ['http://evil/'] }] }, 'FOREIGN_LAYER'],
  ['a layer of an unknown kind', { ...manifest, layers: [{ ...layer, mediaType: 'application/x-unknown' }] }, 'DOCUMENT_INVALID'],
  ['layers that are an object', { ...manifest, layers: { length: 1 } }, 'DOCUMENT_INVALID'],
  ['a layer that is null', { ...manifest, layers: [null] }, 'DOCUMENT_INVALID'],
  ['a thousand and one layers', { ...manifest, layers: Array.from({ length: 1001 }, () => layer) }, 'DOCUMENT_INVALID'],
  ['annotations that are numbers', { ...manifest, annotations: { a: 1 } }, 'DOCUMENT_INVALID'],
];
for (const [what, document, code] of refused) {
  test(`decoding refuses ${what}`, () => {
    assert.throws(() => decode(document), { name: 'TsbuildError', errorClass: 'registry', code });
  });
}

test('the type that the registry names must not contradict the document', () => {
  assert.throws(() => decode(manifest, mediaTypes.ociIndex), { code: 'MANIFEST_AMBIGUOUS' });
});

test('140 layers, null annotations and unknown fields are fine', () => {
  const decoded = decode({ ...manifest, annotations: null, extra: { deep: [1] }, layers: Array.from({ length: 140 }, () => layer) });
  assert.equal(decoded.kind === 'manifest' && decoded.manifest.layers.length, 140);
});

function config(document: JsonValue | string) {
  return decodeImageConfig(Buffer.from(typeof document === 'string' ? document : canonicalJson(document)), 'test');
}

test('a config as Docker writes it loses its nulls and what tsbuild does not know', () => {
  const decoded = config({
    architecture: 'amd64', os: 'linux', docker_version: '20', container_config: { Cmd: null },
    config: { Hostname: '', Env: ['PATH=/bin'], Cmd: ['sh'], Image: 'x', Volumes: null, Entrypoint: null, OnBuild: null, Labels: null, ExposedPorts: { '80/tcp': {} } },
    history: [{ created: 'x', created_by: '/bin/sh', empty_layer: true }], rootfs: { type: 'layers', diff_ids: [digest] },
  });
  assert.deepEqual(decoded, {
    os: 'linux', architecture: 'amd64',
    config: { ExposedPorts: { '80/tcp': {} }, Env: ['PATH=/bin'], Cmd: ['sh'] },
    rootfs: { type: 'layers', diff_ids: [digest] }, history: [{ created: 'x', created_by: '/bin/sh', empty_layer: true }],
  });
});

test('a config without rootfs, history and config is an empty image', () => {
  assert.deepEqual(config({ architecture: 'arm64', os: 'linux', config: null, history: null }), { os: 'linux', architecture: 'arm64', rootfs: { type: 'layers', diff_ids: [] } });
});

test('__proto__ and constructor are names like any other', () => {
  const decoded = config('{"os":"linux","architecture":"amd64","config":{"Labels":{"__proto__":"a","constructor":"b"},"Volumes":{"__proto__":{}}},"__proto__":{"polluted":true}}');
  assert.deepEqual(Object.entries(decoded.config?.Labels ?? {}), [['__proto__', 'a'], ['constructor', 'b']]);
  assert.deepEqual(Object.keys(decoded.config?.Volumes ?? {}), ['__proto__']);
  assert.equal('polluted' in {}, false);
  assert.equal('polluted' in decoded, false);
});

for (const [what, document] of [
  ['null', 'null'],
  ['Env that is a string', { config: { Env: 'A=1' } }],
  ['Cmd of numbers', { config: { Cmd: [1] } }],
  ['a rootfs of another type', { rootfs: { type: 'windows', diff_ids: [] } }],
  ['diff_ids that are no digests', { rootfs: { type: 'layers', diff_ids: ['sha256:x'] } }],
  ['labels that are a list', { config: { Labels: ['a'] } }],
] as const) {
  test(`a config with ${what} is refused`, () => assert.throws(() => config(document), { errorClass: 'registry' }));
}

test('durations of a healthcheck are kept as they are written, or refused', () => {
  const interval = (text: string): string => JSON.stringify(config(`{"os":"linux","architecture":"amd64","config":{"Healthcheck":{"Interval":${text}}}}`).config?.Healthcheck);
  for (const text of ['0', '30000000000', '9007199254740991', '10800000000000000', '9223372036854000000']) assert.equal(interval(text), `{"Interval":${text}}`);
  for (const text of ['-1', '1.5', '9007199254740993', '9223372036855000000', '1e30', '"1s"']) assert.throws(() => interval(text), { code: 'DOCUMENT_INVALID' }, text);
});

test('layers and diffIDs must be as many', () => {
  const decoded = decode(manifest);
  assert.ok(decoded.kind === 'manifest');
  const two = config({ rootfs: { type: 'layers', diff_ids: [digest, digest] } });
  assert.throws(() => checkLayerCount(decoded.manifest, two, 'test'), { code: 'LAYER_COUNT' });
});
