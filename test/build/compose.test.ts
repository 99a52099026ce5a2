/** Config and history of a finished build, composed from the plan and the layers: SEMANTICS A6, 89, 99; "Ours", 1. */
import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { digestOf, type DiffID } from '../../src/base/digest.ts';
import { composeConfig, targetLayers } from '../../src/build/compose.ts';
import type { VertexResult } from '../../src/build/executor.ts';
import type { Graph, Vertex, VertexID } from '../../src/graph/vertex.ts';

const [base, one, two] = ['base', 'one', 'two'].map((text) => digestOf<DiffID>(text)) as [DiffID, DiffID, DiffID];
const platform = { os: 'linux', architecture: 'amd64' };

function vertex(id: VertexID, operation: Vertex['operation']): Vertex {
  return { id, operation, name: '', position: null, stage: '', step: 0, ignoreCache: false };
}

const line = (text: string): { readonly created_by: string } => ({ created_by: text });
const graph: Graph = {
  targets: [3],
  targetName: 'default',
  vertices: [
    vertex(0, { kind: 'scratch' }),
    vertex(1, { kind: 'workdir', root: 0, path: '/w', user: '' }),
    vertex(2, { kind: 'workdir', root: 1, path: '/x', user: '' }),
    vertex(3, {
      kind: 'config', root: 2, config: { ...platform, author: 'me', config: { Cmd: ['c'] } }, baseHistory: [{ created: 'long ago', created_by: 'base' }],
      history: [{ entry: line('WORKDIR /w'), layer: 1 }, { entry: { ...line('ENV a=b'), empty_layer: true }, layer: null }, { entry: line('WORKDIR /x'), layer: 2 }],
    }),
  ],
};

/** The results of the two WORKDIRs. */
function results(first: readonly DiffID[], second: readonly DiffID[]): ReadonlyMap<VertexID, VertexResult> {
  return new Map([[0, { layers: [base], added: [] }], [1, { layers: [base, ...first], added: first }], [2, { layers: [base, ...first, ...second], added: second }]]);
}

test('composeConfig adds rootfs and history to the planned config', () => {
  assert.deepEqual(composeConfig(graph, 3, results([one], [two])), {
    ...platform,
    author: 'me',
    config: { Cmd: ['c'] },
    rootfs: { type: 'layers', diff_ids: [base, one, two] },
    history: [{ created: 'long ago', created_by: 'base' }, line('WORKDIR /w'), { ...line('ENV a=b'), empty_layer: true }, line('WORKDIR /x')],
  });
});

test('Ours.1 an instruction that added no layer is marked as empty', () => {
  const { history = [], rootfs } = composeConfig(graph, 3, results([], [two]));
  assert.deepEqual(history.map((entry) => entry.empty_layer === true), [false, true, true, false]);
  assert.deepEqual(rootfs.diff_ids, [base, two]);
});

test('targetLayers are those below the target', () => assert.deepEqual(targetLayers(graph, 3, results([one], [])), [base, one]));

test('a graph without an image as its target is our bug', () => {
  for (const compose of [composeConfig, targetLayers]) assert.throws(() => compose(graph, 2, results([], [])), { code: 'INVARIANT', exitCode: 70 });
});
