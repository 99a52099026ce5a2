/** The graph as data: definition keys, JSON, renderings, and that planning is a function. */
import { strict as assert } from 'node:assert';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { definitionKeys, graphJson } from '../../src/graph/definition.ts';
import { plan } from '../../src/graph/plan.ts';
import type { PlannedImage } from '../../src/graph/plan-input.ts';
import { renderGraph, type GraphFormat } from '../../src/graph/render.ts';
import { inputsOf, type Graph } from '../../src/graph/vertex.ts';
import { assertProperty } from '../support/property.ts';
import { freeze, graphOf, imageOf, inputOf, vertexOf, type PlanOptions } from './support.ts';

const fourStages = [
  'ARG VERSION=1',
  'FROM golang:$VERSION AS builder',
  'WORKDIR /src',
  'COPY go.mod .',
  'RUN --mount=type=cache,target=/root/.cache --mount=type=secret,id=token,env=TOKEN go mod download',
  'COPY . .',
  'RUN go build -o "/out/a<b>&c" ./...',
  'FROM node AS web',
  'COPY --link --chown=1000:1000 web /web',
  'RUN <<EOF',
  '#!/bin/sh',
  'npm ci',
  'EOF',
  'FROM alpine AS unused',
  'RUN false',
  'FROM alpine',
  'COPY --from=builder /out /usr/bin/',
  'COPY --from=web /web /srv',
  'USER 1000',
  'LABEL "quote\\"s"="a\\\\b"',
  'ENTRYPOINT ["a"]',
].join('\n');

function checkGolden(name: string, actual: string): void {
  const file = join(import.meta.dirname, 'golden', name);
  if (process.env['UPDATE_GOLDEN'] === '1') {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, actual);
  }
  assert.equal(actual, existsSync(file) ? readFileSync(file, 'utf8') : `(no golden: run with UPDATE_GOLDEN=1) ${file}`);
}

test('renderGraph prints a file of four stages as json, dot and mermaid', () => {
  const formats: readonly GraphFormat[] = ['json', 'dot', 'mermaid'];
  for (const format of formats) checkGolden(`four-stages.${format}`, renderGraph(graphOf(fourStages), format));
});

test('renderGraph leaves nothing of a name that could end a label or steer a terminal', () => {
  const graph: Graph = { vertices: [{ id: 0, operation: { kind: 'scratch' }, name: 'a"]\\n\n\u001b[31m`<b>', position: null, stage: '', step: 0, ignoreCache: false }], targets: [0], targetName: 'x' };
  assert.ok(renderGraph(graph, 'dot').includes('[label="a\\"]\\\\n [31m`<b>" style="bold"];'));
  assert.ok(renderGraph(graph, 'mermaid').includes('v0["a#34;]\\n [31m`#60;b#62;"]'));
});

test('a graph is JSON, and inputs have smaller numbers', () => {
  const graph = graphOf(fourStages, { args: { https_proxy: 'p' } });
  assert.deepEqual(JSON.parse(JSON.stringify(graph)), graph);
  assert.equal(graphJson(JSON.parse(JSON.stringify(graph)) as Graph), graphJson(graph));
  for (const { id, operation } of graph.vertices) assert.ok(inputsOf(operation).every((input) => input < id), String(id));
  assert.deepEqual(graph.vertices.map(({ id }) => id), graph.vertices.map((_, index) => index));
});

test('plan is a function: it changes nothing that it is given, and gives the same again', () => {
  const input = freeze(inputOf(fourStages, { contexts: { alpine: 'directory' } }));
  const first = plan({ ...input, images: new Map() });
  assert.equal(first.kind, 'needs');
  const images = new Map<string, PlannedImage>();
  for (const request of first.kind === 'needs' ? first.requests : []) {
    images.set(request.key, imageOf(request, { config: { Env: ['A=1'], Labels: { l: '1' }, OnBuild: ['ENV x=y'], ExposedPorts: { '1/tcp': {} } } }));
  }
  const whole = freeze({ ...input, images });
  assert.deepEqual(plan(whole), plan(whole));
  assert.equal(plan(whole).kind, 'graph');
  assert.deepEqual(plan({ ...input, images: new Map() }), first);
});

test('plan answers with what it needs: reference, platform and the first place', () => {
  const result = plan({ ...inputOf('FROM a\nFROM --platform=linux/arm64 a:1\nCOPY --from=a . .\nCOPY \\\n --from=b:2 . .'), images: new Map() });
  assert.ok(result.kind === 'needs');
  const at = (startLine: number, endLine: number): object => ({ file: 'Dockerfile', startLine, endLine });
  assert.deepEqual(result.requests, [
    { key: 'a:1 linux/arm64', reference: 'a:1', platform: { os: 'linux', architecture: 'arm64' }, position: at(2, 2) },
    { key: 'a linux/amd64', reference: 'a', platform: { os: 'linux', architecture: 'amd64' }, position: at(3, 3) },
    { key: 'b:2 linux/amd64', reference: 'b:2', platform: { os: 'linux', architecture: 'amd64' }, position: at(4, 5) },
  ]);
});

test('steps know where they stand', () => {
  const graph = graphOf('FROM a AS one\nENV x=y\nRUN 1\nFROM one\nCOPY . .');
  const { position, stage, step } = vertexOf(graph, 'RUN 1');
  assert.deepEqual([position, stage, step], [{ file: 'Dockerfile', startLine: 3, endLine: 3 }, 'one', 1]);
  assert.deepEqual([vertexOf(graph, 'COPY').stage, vertexOf(graph, 'build context').position], ['1', null]);
});

/** The definition key of the vertex of the last instruction. */
function keyOf(source: string, options: PlanOptions = {}): string {
  const graph = graphOf(source, options);
  const last = graph.vertices.filter(({ operation }) => operation.kind !== 'config' && operation.kind !== 'context').at(-1);
  return definitionKeys(graph).get(last?.id ?? -1)?.digest ?? '';
}

function checkKeys(expected: 'equal' | 'different', table: readonly (readonly [a: string, b: string, ofA?: PlanOptions, ofB?: PlanOptions])[]): void {
  for (const [a, b, ofA, ofB] of table) assert.equal(keyOf(a, ofA) === keyOf(b, ofB) ? 'equal' : 'different', expected, `${a}\n--- and\n${b}`);
}

test('definition keys are equal for equal work', () => checkKeys('equal', [
  ['FROM a\nRUN x', 'FROM a AS other\n\nLABEL a=b\nrun x'],
  ['FROM a\nRUN x', 'FROM z\nRUN z\nFROM a\nRUN x'],
  ['FROM a\nRUN x', 'FROM a\nCMD x\nEXPOSE 1\nRUN x'],
  ['FROM a\nCOPY x y', 'FROM b AS b\nFROM a\nCOPY --from=b 1 2\nFROM a\nENV p=x\nCOPY $p ./y'],
  ['FROM a AS x\nRUN 1\nFROM b\nCOPY --from=x 1 2', 'FROM a\nRUN 1\nFROM b\nCOPY --from=0 1 2'],
  ['FROM a\nRUN x', 'FROM a\nRUN x', {}, { args: { http_proxy: 'http://secret' } }],
  ['FROM a\nRUN x', 'FROM a\nRUN x', { created: '2020-01-01T00:00:00Z' }, {}],
]));

test('definition keys are different for different work', () => checkKeys('different', [
  ['FROM a\nRUN x', 'FROM a\nRUN y'],
  ['FROM a\nRUN x', 'FROM b\nRUN x'],
  ['FROM a\nRUN x', 'FROM a\nRUN ["x"]'],
  ['FROM a\nRUN ["a b"]', 'FROM a\nRUN ["a", "b"]'],
  ['FROM a\nRUN x', 'FROM a\nENV E=1\nRUN x'],
  ['FROM a\nENV E=1 F=2\nRUN x', 'FROM a\nENV E="1 F=2"\nRUN x'],
  ['FROM a\nRUN x', 'FROM a\nUSER u\nRUN x'],
  ['FROM a\nRUN x', 'FROM a\nRUN --network=none x'],
  ['FROM a\nRUN x', 'FROM a\nRUN --mount=type=tmpfs,target=/t x'],
  ['FROM a\nRUN --mount=target=/t x', 'FROM a\nRUN --mount=target=/t,from=b x'],
  ['FROM a\nRUN --mount=type=cache,target=/t x', 'FROM a\nRUN --mount=type=cache,target=/t,from=b x'],
  ['FROM a\nRUN --mount=type=secret,id=s x', 'FROM a\nRUN --mount=type=secret,id=s,required x'],
  ['FROM a\nRUN <<E\n#!x\n1\nE', 'FROM a\nRUN <<E\n#!x\n2\nE'],
  ['FROM a\nRUN x', 'FROM --platform=linux/arm64 a\nRUN x'],
  ['FROM a\nCOPY x y', 'FROM a\nCOPY x y/'],
  ['FROM a\nCOPY a b /d/', 'FROM a\nCOPY b a /d/'],
  ['FROM a\nCOPY x y', 'FROM a\nCOPY --from=b x y'],
  ['FROM a\nCOPY x y', 'FROM a\nCOPY --link x y'],
  ['FROM a\nCOPY x y', 'FROM a\nCOPY --exclude=z x y'],
  ['FROM a\nCOPY <<E y\n1\nE', 'FROM a\nCOPY <<E y\n2\nE'],
  ['FROM a\nADD x y', 'FROM a\nADD --unpack=false x y'],
  ['FROM a\nADD http://h/x y', 'FROM a\nADD http://i/x y'],
  ['FROM a\nWORKDIR /x', 'FROM a\nUSER u\nWORKDIR /x'],
  ['FROM a\nRUN x', 'FROM a\nRUN x', {}, { noCache: true }],
  ['FROM a\nRUN x', 'FROM a\nRUN x', {}, { hostname: 'h' }],
  ['FROM a\nRUN x', 'FROM a\nRUN x', {}, { extraHosts: [['h', '::1']] }],
  ['FROM a\nRUN x', 'FROM a\nRUN x', {}, { sourceDateEpoch: '1' }],
]));

test('the same image under two names is one thing to what is built on it', () => {
  const graph = graphOf('FROM busybox AS a\nRUN x\nFROM busybox:latest AS b\nRUN x\nFROM scratch\nCOPY --from=a 1 2\nCOPY --from=b 1 2');
  const images = graph.vertices.map((vertex) => (vertex.operation.kind === 'image' ? { ...vertex, operation: { ...vertex.operation, manifest: graph.vertices.find(({ operation }) => operation.kind === 'image')?.operation } } : vertex));
  const keys = definitionKeys(JSON.parse(JSON.stringify({ ...graph, vertices: images })) as Graph);
  const runs = graph.vertices.filter(({ operation }) => operation.kind === 'run').map(({ id }) => keys.get(id)?.digest);
  assert.equal(runs.length, 2);
  assert.equal(runs[0], runs[1]);
});

/** The definition key of the finished image. */
function targetKey(source: string, options: PlanOptions = {}): string {
  const graph = graphOf(source, options);
  return definitionKeys(graph).get(graph.targets[0] ?? -1)?.digest ?? '';
}

test('the definition key of an image depends on all of its config, and not on where its steps stand in the graph', () => {
  assert.notEqual(targetKey('FROM scratch\nLABEL proxyEnv=1 root=1'), targetKey('FROM scratch\nLABEL proxyEnv=2 root=1'));
  assert.notEqual(targetKey('FROM scratch\nLABEL __proto__=1'), targetKey('FROM scratch\nLABEL __proto__=2'));
  assert.notEqual(targetKey('FROM scratch\nVOLUME /from'), targetKey('FROM scratch\nVOLUME /proxyEnv'));
  assert.equal(targetKey('FROM a\nRUN x'), targetKey('FROM b AS b\nRUN y\nFROM a\nRUN x'.replace('FROM b AS b\nRUN y\n', '')));
  const alone = graphOf('FROM a AS a\nRUN 1\nFROM b\nCOPY --from=a 1 2\nRUN x');
  const among = graphOf('FROM b AS c\nRUN 0\nFROM a AS a\nRUN 1\nFROM b\nCOPY --from=a 1 2\nRUN x');
  const keys = (graph: Graph): readonly (string | undefined)[] => [definitionKeys(graph).get(graph.targets[0] ?? -1)?.digest];
  assert.deepEqual(keys(alone), keys(among));
  const shifted: Graph = { ...alone, vertices: alone.vertices.map((vertex) => ({ ...vertex, name: 'n', position: null, stage: 's', step: 9 })) };
  assert.deepEqual(keys(shifted), keys(alone));
});

test('a graph of any text is the same after a journey through JSON', () => {
  const text = fc.string({ unit: 'binary', maxLength: 20 }).filter((value) => !/[\r\n\0]/.test(value));
  assertProperty(fc.property(fc.array(text, { maxLength: 4 }), fc.dictionary(text, text, { maxKeys: 4 }), (words, labels) => {
    const graph = graphOf(`FROM scratch\nRUN ${JSON.stringify(words)}`, { labels: Object.entries(labels) });
    assert.deepEqual(JSON.parse(JSON.stringify(graph)), graph);
    assert.doesNotThrow(() => JSON.parse(graphJson(graph)) as unknown);
  }), { numRuns: 100 });
});
