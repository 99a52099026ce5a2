/** Several platforms in one graph: SEMANTICS A6, 33; B5, 6. What they share stands in it once. */
import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { definitionKeys } from '../../src/graph/definition.ts';
import { mergeGraphs } from '../../src/graph/merge.ts';
import { inputsOf, targetOperation, type Graph } from '../../src/graph/vertex.ts';
import { formatPlatform } from '../../src/image/platform.ts';
import { amd64, arm64, freeze, graphOf } from './support.ts';

const crossBuild = `
FROM --platform=$BUILDPLATFORM go AS fetch
WORKDIR /src
COPY go.mod .
RUN --mount=type=cache,from=tools,target=/c --mount=type=bind,target=/b download
FROM fetch AS builder
ARG TARGETARCH
RUN compile
FROM base
RUN touch /x
COPY --from=builder /out /
ADD https://example.com/a /a
`;

function graphFor(source: string, platforms = [amd64, arm64]): readonly Graph[] {
  return platforms.map((targetPlatform) => graphOf(source, { targetPlatform, buildPlatform: amd64, isPlatformGiven: true, isPlatformShown: true }));
}

/** What people see of a graph. */
function shown({ vertices }: Graph): readonly string[] {
  return vertices.map(({ name }) => name.replace(/@sha256:[0-9a-f]{64}/, ''));
}

test('mergeGraphs keeps work of the builder\'s platform once, and that of each platform beside each other', () => {
  assert.deepEqual(shown(mergeGraphs(graphFor(crossBuild))), [
    '[linux/amd64 fetch 1/4] FROM go', '[linux/amd64 fetch 2/4] WORKDIR /src', '[internal] load build context', '[linux/amd64 fetch 3/4] COPY go.mod .', 'FROM tools',
    '[linux/amd64 fetch 4/4] RUN --mount=type=cache,from=tools,target=/c --mount=type=bind,target=/b download',
    '[linux/amd64 builder 1/1] RUN compile',
    '[linux/amd64 stage-2 1/4] FROM base', '[linux/amd64 stage-2 2/4] RUN touch /x', '[linux/amd64 stage-2 3/4] COPY --from=builder /out /', '[linux/amd64 stage-2 4/4] ADD https://example.com/a /a',
    '[stage-2] compose config',
    // For arm64: --mount=from is an image of the target platform.
    'FROM tools', '[linux/amd64 fetch 4/4] RUN --mount=type=cache,from=tools,target=/c --mount=type=bind,target=/b download',
    '[linux/amd64->arm64 builder 1/1] RUN compile',
    '[linux/arm64 stage-2 1/4] FROM base', '[linux/arm64 stage-2 2/4] RUN touch /x', '[linux/arm64 stage-2 3/4] COPY --from=builder /out /', '[linux/arm64 stage-2 4/4] ADD https://example.com/a /a',
    '[stage-2] compose config',
  ]);
});

test('mergeGraphs has a target for each platform, in their order, that means what it meant in its own graph', () => {
  for (const platforms of [[amd64, arm64], [arm64, amd64]]) {
    const graphs = graphFor(crossBuild, platforms);
    const merged = mergeGraphs(graphs);
    assert.deepEqual(merged.targets.map((target) => formatPlatform(targetOperation(merged, target).config)), platforms.map(formatPlatform));
    const keys = definitionKeys(merged);
    const expected = graphs.map((graph) => definitionKeys(graph).get(graph.targets[0] ?? -1));
    assert.deepEqual(merged.targets.map((target) => keys.get(target)), expected);
  }
});

test('a merged graph is a graph: inputs have smaller numbers, numbers are places, definition keys differ', () => {
  const { vertices } = mergeGraphs(graphFor(crossBuild));
  vertices.forEach(({ id, operation }, place) => {
    assert.equal(id, place);
    for (const input of inputsOf(operation)) assert.ok(input < id);
  });
  const keys = [...definitionKeys({ vertices, targets: [], targetName: '' }).values()].map(({ digest }) => digest);
  assert.equal(new Set(keys).size, keys.length);
});

test('mergeGraphs leaves what it is given alone; a single graph stays as it is', () => {
  const graphs = freeze(graphFor(crossBuild));
  assert.deepEqual(mergeGraphs(graphs), mergeGraphs(graphFor(crossBuild)));
  const [first] = graphs;
  assert.equal(mergeGraphs(graphs.slice(0, 1)), first);
});
