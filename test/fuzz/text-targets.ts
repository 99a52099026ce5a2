/** Fuzz targets that read text: Dockerfiles, ignore files, image documents, references, options. Start at `textTargets`. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { canonicalJson } from '../../src/base/canonical.ts';
import type { BlobDigest, KeyDigest } from '../../src/base/digest.ts';
import { decodeKey, decodeResult } from '../../src/cache/record.ts';
import { isIgnored, openIgnore } from '../../src/context/open-ignore.ts';
import { parseIgnore } from '../../src/context/ignore.ts';
import { describeLines } from '../../src/dockerfile/parse-document.ts';
import { parseLines } from '../../src/dockerfile/parse-lines.ts';
import { parseGitUrl } from '../../src/dockerfile/git-url.ts';
import { parseMode } from '../../src/dockerfile/mode.ts';
import { parseMount } from '../../src/dockerfile/mount.ts';
import { parseOutput } from '../../src/export/parse-output.ts';
import { mediaTypes } from '../../src/image/config.ts';
import { decodeImageConfig } from '../../src/image/decode-config.ts';
import { decodeManifestOrIndex } from '../../src/image/decode.ts';
import { formatReference, parseReference } from '../../src/image/reference.ts';
import { parseChallenges } from '../../src/registry/challenge.ts';
import { parseDockerManifest } from '../../src/source/docker-manifest.ts';
import { parseNamedContext } from '../../src/source/named-context.ts';
import { decodeLayoutIndex } from '../../src/store/layout-index.ts';
import { encodeDocument, meaningOf } from '../dockerfile/encode-document.ts';
import { graphOf } from '../graph/support.ts';
import { repository } from '../support/tsbuild.ts';
import { answersOrRefuses, type FuzzTarget } from './target.ts';

function dockerfiles(): readonly Buffer[] {
  const folder = join(repository, 'fixtures');
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => /(^|\/)Dockerfile$|^parser-edge\/dockerfiles\//.test(file))
    .sort()
    .map((file) => readFileSync(join(folder, file)));
}

const texts = (...list: readonly string[]): (() => readonly Buffer[]) => () => list.map((text) => Buffer.from(text));
const digest = `sha256:${'a'.repeat(64)}` as BlobDigest;
const descriptor = { mediaType: mediaTypes.ociConfig, digest, size: 10 };
const manifest = { schemaVersion: 2, mediaType: mediaTypes.ociManifest, config: descriptor, layers: [{ ...descriptor, mediaType: mediaTypes.ociLayerGzip }], annotations: { a: 'b' } };
const index = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [{ ...descriptor, mediaType: mediaTypes.ociManifest, platform: { os: 'linux', architecture: 'arm', variant: 'v7' } }] };
const config = {
  created: '2001-01-01T00:00:00Z', author: 'a', architecture: 'amd64', os: 'linux', 'os.version': '1', variant: 'v1',
  config: {
    User: 'a:b', Env: ['A=b'], Cmd: ['a'], Entrypoint: null, ExposedPorts: { '80/tcp': {} }, Volumes: { '/v': {} }, Labels: { l: '1' }, OnBuild: ['RUN x'], WorkingDir: '/w',
    StopSignal: 'SIGTERM', Shell: ['sh'], ArgsEscaped: true, Healthcheck: { Test: ['CMD', 'x'], Interval: 1e9, Retries: 3 },
  },
  rootfs: { type: 'layers', diff_ids: [digest] },
  history: [{ created: '2001-01-01T00:00:00Z', created_by: 'RUN x', comment: 'c', empty_layer: true }],
};
const jsonWords = ['null', '{}', '[]', '"', '":', ',', '-1', '1e999', '0.1', 'true', '"__proto__":{', '\\ud800', '\\u0000', '\u00ff', '"schemaVersion":1,', '"urls":["x"],', digest, 'sha256:', '../', '[[[['];

const ignoredPaths = ['a', 'a/b/c', '.git/config', 'node_modules/x', 'ä/ö', 'a\nb', '[x]', 'a\\b', '..a'];

export const textTargets: readonly FuzzTarget[] = [
  {
    name: 'dockerfile',
    corpus: dockerfiles,
    words: ['FROM a AS b\n', 'RUN <<E\n', '\nE\n', '\\\n', '`\n', '# escape=`\n', '# check=skip=all\n', '${a:-', '${a//', '}', '"', "'", '["', '"]', '--mount=type=', '--from=', 'ONBUILD ', 'ARG ', 'COPY ', '\ufeff', '\0', '\r', '\u00a0', '$$', '<<-"E"'].map((word) => Buffer.from(word).toString('latin1')),
    runs: 500,
    check: (input) => {
      const document = answersOrRefuses(() => describeLines(parseLines(input, 'f')));
      answersOrRefuses(() => graphOf(input.toString()));
      if (document === null) return;
      const again = answersOrRefuses(() => describeLines(parseLines(encodeDocument(document), 'f')));
      assert.ok(again !== null, 'what was read and written again is refused');
      assert.deepEqual(meaningOf(again), meaningOf(document));
    },
  },
  {
    name: 'ignore',
    corpus: texts('*\n!a/**/b\n**/*.log\n', '# c\nnode_modules\n./x/../y\n[a-z]?\\[\n', '!**\n/\n\\\n**\n'),
    words: ['**', '*', '?', '[', ']', '[^', '-', '\\', '!', '/', '\n', '..', '#', '\u00ff', '\0'],
    runs: 500,
    check: (input) => {
      const ignore = answersOrRefuses(() => parseIgnore(input.toString(), '.dockerignore'));
      if (ignore === null) return;
      openIgnore(ignore);
      for (const path of ignoredPaths) answersOrRefuses(() => isIgnored(ignore, path));
    },
  },
  {
    name: 'manifest',
    corpus: texts(canonicalJson(manifest), canonicalJson(index)),
    words: [...jsonWords, mediaTypes.ociManifest, mediaTypes.ociIndex, mediaTypes.dockerManifest, '"manifests":['],
    runs: 500,
    check: (input) => {
      for (const mediaType of [undefined, mediaTypes.ociIndex]) answersOrRefuses(() => decodeManifestOrIndex(input, { name: 'fuzz', ...(mediaType === undefined ? {} : { mediaType }) }));
    },
  },
  {
    name: 'config',
    corpus: texts(canonicalJson(config)),
    words: jsonWords,
    runs: 500,
    check: (input) => {
      const decoded = answersOrRefuses(() => decodeImageConfig(input, 'fuzz'));
      if (decoded === null) return;
      const bytes = Buffer.from(JSON.stringify(decoded));
      assert.deepEqual(decodeImageConfig(bytes, 'fuzz'), decoded, 'a config that was read, written and read is the same');
    },
  },
  {
    name: 'store-documents',
    corpus: texts(canonicalJson({ ...index, annotations: { x: 'y' } }), canonicalJson([{ Config: 'c.json', RepoTags: ['a:1'], Layers: ['l.tar'] }]), `${canonicalJson({ digest, version: 1, key: digest, result: { a: 1 } })}\n${canonicalJson({ operation: 'run', parts: [['a', 1]] })}\n`),
    words: [...jsonWords, '\n'],
    runs: 300,
    check: (input) => {
      const text = input.toString();
      decodeLayoutIndex(text);
      decodeResult(text, digest as string as KeyDigest);
      decodeKey(text, digest as string as KeyDigest);
      answersOrRefuses(() => parseDockerManifest(input, 'fuzz.tar'));
    },
  },
  {
    name: 'values',
    corpus: texts(
      'docker.io/library/a:1@sha256:aa', 'localhost:5000/a/b-c__d:v1', 'type=cache,target=/x,id=$A,mode=0755,sharing=locked', 'type=secret,"id=a,b",required=true,env=X', 'type=oci,dest=a.tar,compression=zstd',
      'u=rwX,go-w,a+t', '0644', 'https://user:pw@host/a.git#main:sub', 'git@host:a/b.git?ref=x', 'docker-image://a@sha256:b', 'oci-layout://p:t@sha256:c', 'Bearer realm="https://a/b",service="x, y",scope=repository:a:pull',
    ),
    words: ['://', '@', ':', '#', '?', ',', '=', '"', '..', '/', '%00', '%', '\n', '\u00ff', 'type=', digest, 'Basic ', 'Bearer '],
    runs: 800,
    check: (input) => {
      const text = input.toString();
      const reference = answersOrRefuses(() => parseReference(text));
      if (reference !== null) assert.deepEqual(parseReference(formatReference(reference)), reference);
      for (const read of [parseMount, parseMode, parseOutput, parseNamedContext, (url: string) => parseGitUrl(url)]) answersOrRefuses(() => read(text));
      parseChallenges(text);
    },
  },
];
