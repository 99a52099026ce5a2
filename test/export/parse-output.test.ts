import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseOutput } from '../../src/export/parse-output.ts';

const gzip = { type: 'gzip', level: null, force: false } as const;
const plain = { type: 'uncompressed', level: null, force: true } as const;
const image = { names: [], compression: gzip, annotations: [] };
const inDocker = { ...image, compression: plain };

const read: readonly (readonly [string, unknown])[] = [
  ['-', { type: 'tar', dest: '-' }],
  ['out', { type: 'local', dest: 'out', platformSplit: null }],
  ['./a=b', { type: 'local', dest: './a=b', platformSplit: null }],
  ['type=local,dest=out,platform-split=false', { type: 'local', dest: 'out', platformSplit: false }],
  ['type=local,dest=out,platform-split=true', { type: 'local', dest: 'out', platformSplit: true }],
  ['type=local,dest=out', { type: 'local', dest: 'out', platformSplit: null }],
  ['type=tar', { type: 'tar', dest: '-' }],
  ['type=tar,dest=x.tar', { type: 'tar', dest: 'x.tar' }],
  ['type=cacheonly', { type: 'cacheonly' }],
  ['type=oci', { type: 'oci', dest: '-', tar: true, ...image }],
  ['TYPE=oci,DEST=A', { type: 'oci', dest: 'A', tar: true, ...image }],
  ['type=oci,dest=d,tar=false', { type: 'oci', dest: 'd', tar: false, ...image }],
  ['type=docker', { type: 'load', ...inDocker }],
  ['type=docker,dest=-', { type: 'docker', dest: '-', tar: true, ...inDocker }],
  ['type=docker,dest=d,compression=gzip', { type: 'docker', dest: 'd', tar: true, ...image }],
  ['type=image', { type: 'image', push: false, pushByDigest: false, insecure: false, ...image }],
  ['type=registry', { type: 'image', push: true, pushByDigest: false, insecure: false, ...image }],
  ['type=oci,dest=d,name=app', { type: 'oci', dest: 'd', tar: true, ...image, names: ['docker.io/library/app:latest'] }],
  ['type=oci,dest=d,"name=app,ghcr.io/x/y:1"', { type: 'oci', dest: 'd', tar: true, ...image, names: ['docker.io/library/app:latest', 'ghcr.io/x/y:1'] }],
  ['type=oci,dest=d,compression=zstd,compression-level=19,force-compression=true', { type: 'oci', dest: 'd', tar: true, ...image, compression: { type: 'zstd', level: 19, force: true } }],
  ['type=oci,dest=d,rewrite-timestamp=true,oci-mediatypes=true', { type: 'oci', dest: 'd', tar: true, ...image }],
  [
    'type=oci,dest=d,annotation.A.b=c=d,annotation-index[linux/arm64].x=',
    {
      type: 'oci', dest: 'd', tar: true, ...image,
      annotations: [
        { level: 'manifest', platform: null, key: 'A.b', value: 'c=d' },
        { level: 'index', platform: 'linux/arm64', key: 'x', value: '' },
      ],
    },
  ],
];
for (const [text, expected] of read) {
  test(`parseOutput reads ${text}`, () => assert.deepEqual(parseOutput(text), expected));
}

const refused: readonly (readonly [string, string, string?])[] = [
  ['', '--output: the value is empty', 'Remove the flag, or give it fields.'],
  ['dest=x,foo', '--output: invalid value foo', 'Write it as key=value, for example type=oci,dest=image.tar.'],
  ['dest=x,tar=true', '--output: type is required for output', 'Add type=…: one of oci, docker, image, registry, local, tar, cacheonly.'],
  ['type=ocl,dest=x', '--output: exporter "ocl" could not be found', 'Did you mean oci?'],
  ['type=oci,desti=x', '--output: unexpected key "desti" for oci exporter', 'Did you mean dest?'],
  ['type=local,dest=x,compression=gzip', '--output: unexpected key "compression" for local exporter'],
  ['type=local', '--output: dest is required for local exporter', 'Add dest=FOLDER.'],
  ['type=local,dest=-', '--output: dest cannot be stdout for local exporter', 'Name a folder: dest=FOLDER.'],
  ['type=oci,tar=false', '--output: dest is required for oci exporter', 'Add dest=FOLDER.'],
  ['type=oci,dest=x,tar=maybe', '--output: non-bool value specified for tar: "maybe"', 'Write true or false.'],
  ['type=oci,dest=x,compression=gzp', '--output: unsupported layer compression type gzp', 'Did you mean gzip?'],
  ['type=oci,dest=x,compression=estargz', '--output: unsupported layer compression type estargz', 'It is gzip, zstd or uncompressed.'],
  ['type=oci,dest=x,compression-level=10', '--output: invalid compression-level "10" for gzip', 'It is a number from 1 to 9.'],
  ['type=oci,dest=x,annotation-foo.a=b', '--output: unrecognized annotation type "annotation-foo.a"', 'Write annotation.KEY=VALUE, or annotation-LEVEL.KEY=VALUE with one of manifest, index, manifest-descriptor, index-descriptor.'],
];
for (const [text, message, hint] of refused) {
  test(`parseOutput refuses ${JSON.stringify(text)}`, () => {
    assert.throws(() => parseOutput(text), { errorClass: 'usage', message, hint });
  });
}

test('parseOutput refuses a name that is no reference', () => {
  assert.throws(() => parseOutput('type=oci,dest=x,name=UPPER/Case'), { code: 'REFERENCE_INVALID' });
});
