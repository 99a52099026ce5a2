/** The executor in memory: which vertices run, when, and what is heard of it. DESIGN.md, section 4. */
import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { makeKey, type CacheKey } from '../../src/base/canonical.ts';
import { digestOf, type BlobDigest, type DiffID } from '../../src/base/digest.ts';
import { execute, type Inputs, type Operations, type RecordCache, type StepObserver, type VertexResult } from '../../src/build/executor.ts';
import { memoryRecords } from '../contract/record-cache.ts';
import { memoryClaims } from '../contract/step-claims.ts';
import type { ConfigOperation, CopyOperation, Graph, ImageOperation, Operation, RunOperation, Vertex, VertexID } from '../../src/graph/vertex.ts';

const platform = { os: 'linux', architecture: 'amd64' };

function layerOf(text: string): DiffID {
  return digestOf<DiffID>(text);
}

/** Builds graphs by hand: each method adds a vertex and returns its number. */
class GraphBuilder {
  readonly #vertices: Vertex[] = [];

  add(operation: Operation, changes: Partial<Vertex> = {}): VertexID {
    const id = this.#vertices.length;
    this.#vertices.push({ id, operation, name: `v${id}`, position: null, stage: '', step: id, ignoreCache: false, ...changes });
    return id;
  }

  image(name: string): VertexID {
    const operation: ImageOperation = { kind: 'image', reference: name, manifest: digestOf<BlobDigest>(name), diffIDs: [layerOf(name)], platform };
    return this.add(operation, { name });
  }

  run(root: VertexID, command: string, changes: Partial<Vertex> & { readonly mounts?: readonly VertexID[] } = {}): VertexID {
    const { mounts = [], ...rest } = changes;
    const operation: RunOperation = {
      kind: 'run', root, args: [command], env: [], proxyEnv: [], cwd: '/', user: '', network: 'default', security: 'sandbox', hostname: 'h', extraHosts: [], shmSizeBytes: 0, ulimits: [], inlineFile: null, platform,
      mounts: mounts.map((from) => ({ kind: 'bind', from, source: '/', target: '/m', readOnly: true })),
    };
    return this.add(operation, { name: command, ...rest });
  }

  copy(root: VertexID, from: readonly VertexID[], name: string): VertexID {
    const operation: CopyOperation = {
      kind: 'copy', instruction: 'COPY', root, sources: from.map((id) => ({ kind: 'path', from: id, pattern: `/${name}` })),
      destination: '/', owner: null, mode: null, link: false, parents: false, excludes: [], unpack: false, unpackRemote: false,
    };
    return this.add(operation, { name });
  }

  finish(root: VertexID): Graph {
    const operation: ConfigOperation = { kind: 'config', root, config: platform, baseHistory: [], history: [] };
    return { targets: [this.add(operation, { name: 'config' })], targetName: 'default', vertices: this.#vertices };
  }
}

/** Work that waits until the test says so. */
class Gate {
  readonly #waiting: (() => void)[] = [];
  open = (): void => this.#waiting.splice(0).forEach((resume) => resume());
  wait = (): Promise<void> => new Promise((resolve) => void this.#waiting.push(resolve));
}

/** A step's work; what it returns is the content of its layer. */
type Work = (signal: AbortSignal) => Promise<string> | string;

/** A machine in memory: a store of layers, a cache of records, and a list of everything that was heard. */
class Machine {
  readonly records: Map<string, readonly DiffID[]>;
  readonly #claimed: Map<string, Promise<void>>;
  readonly missingLayers = new Set<DiffID>();
  readonly performed: string[] = [];
  readonly events: string[] = [];
  readonly works = new Map<string, Work>();
  readonly keyWorks = new Map<string, (signal: AbortSignal) => Promise<void>>();
  readonly reasons = new Map<string, string>();
  runningNow = 0;
  runningMax = 0;
  putFails: Error | null = null;

  /** @param store another machine whose records and claims this one shares, as builds of several processes do */
  constructor(store?: Machine) {
    this.records = store?.records ?? new Map<string, readonly DiffID[]>();
    this.#claimed = store === undefined ? new Map<string, Promise<void>>() : store.#claimed;
  }

  /** What happens in a step; others make a layer named after themselves and their root. */
  work(name: string, work: Work): this {
    this.works.set(name, work);
    return this;
  }

  readonly operations: Operations = {
    baseLayers: ({ operation }, inputs) => {
      if (operation.kind === 'image') return operation.diffIDs;
      return 'root' in operation ? (inputs.get(operation.root)?.layers ?? []) : [];
    },
    keyOf: async (vertex, inputs, signal) => {
      await this.keyWorks.get(vertex.name)?.(signal);
      return this.#keyOf(vertex, inputs);
    },
    perform: async (vertex, inputs, signal) => {
      this.performed.push(vertex.name);
      this.runningNow += 1;
      this.runningMax = Math.max(this.runningMax, this.runningNow);
      try {
        const work = this.works.get(vertex.name);
        await Promise.resolve();
        const content = work === undefined ? `${vertex.name} on ${[...inputs.values()].flatMap(({ layers }) => layers).join(' ')}` : await work(signal);
        const layer = layerOf(content);
        this.missingLayers.delete(layer);
        return { added: content === '' ? [] : [layer] };
      } finally {
        this.runningNow -= 1;
      }
    },
    hasLayer: (layer) => !this.missingLayers.has(layer),
  };

  readonly cache: RecordCache = {
    get: (key) => memoryRecords(this.records).get(key),
    put: (vertex, key, added) => (this.putFails === null ? memoryRecords(this.records).put(vertex, key, added) : Promise.reject(this.putFails)),
    explainMiss: (vertex) => Promise.resolve(this.reasons.get(vertex.name) ?? null),
  };

  readonly observer: StepObserver = {
    started: ({ name }) => this.events.push(`started ${name}`),
    missed: ({ name }, reason) => this.events.push(`missed ${name}: ${reason}`),
    waiting: ({ name }) => this.events.push(`waiting ${name}`),
    done: ({ name }, { cached }) => this.events.push(`${cached ? 'cached' : 'done'} ${name}`),
    failed: ({ name }, error) => this.events.push(`failed ${name}: ${error instanceof Error ? error.message : String(error)}`),
    canceled: ({ name }) => this.events.push(`canceled ${name}`),
  };

  /** By what goes in: the layers below, the command, the layers mounted. */
  #keyOf({ operation }: Vertex, inputs: Inputs): CacheKey | null {
    if (operation.kind !== 'run' && operation.kind !== 'copy') return null;
    const layers = [...inputs.values()].map((input) => input.layers);
    const does = operation.kind === 'run' ? operation.args : operation.sources.map((source) => (source.kind === 'path' ? source.pattern : ''));
    return makeKey(`${operation.kind}/1`, [{ name: 'layers', value: layers }, { name: 'does', value: does }]);
  }

  build(graph: Graph, options: { readonly runs?: number; readonly copies?: number; readonly signal?: AbortSignal } = {}): Promise<ReadonlyMap<VertexID, VertexResult>> {
    const { runs = 1, copies = 1, signal = new AbortController().signal } = options;
    this.performed.length = 0;
    this.events.length = 0;
    const { operations, cache, observer } = this;
    return execute(graph, { operations, cache, claims: memoryClaims(this.#claimed), observer, limits: { runs, copies }, signal });
  }
}

/** Lets everything happen that can happen without the test's help. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** The ends of each step that was started: there must be one. */
function checkLives(events: readonly string[]): void {
  for (const event of events.filter((text) => text.startsWith('started '))) {
    const name = event.slice('started '.length);
    const ends = events.filter((text) => new RegExp(`^(done|cached|failed|canceled) ${name}(:|$)`).test(text));
    assert.equal(ends.length, 1, `${name} ends once: ${events.join(', ')}`);
  }
}

const unhandled: unknown[] = [];
process.on('unhandledRejection', (reason) => unhandled.push(reason));
test.afterEach(async () => {
  await settle();
  assert.deepEqual(unhandled.splice(0), []);
});

test('execute performs what the target needs, in order, and returns the stacks of layers', async () => {
  const graph = new GraphBuilder();
  const base = graph.image('base');
  const one = graph.run(base, 'one');
  const two = graph.run(one, 'two');
  graph.run(base, 'unused');
  const machine = new Machine().work('one', () => '1').work('two', () => '');
  const results = await machine.build(graph.finish(two));
  assert.deepEqual(machine.performed, ['one', 'two']);
  assert.deepEqual(results.get(two), { layers: [layerOf('base'), layerOf('1')], added: [] });
  assert.deepEqual(results.get(one), { layers: [layerOf('base'), layerOf('1')], added: [layerOf('1')] });
  assert.deepEqual(machine.events, ['started one', 'done one', 'started two', 'done two']);
});

test('a graph of any depth and width finishes on queues of one: no slot is held while inputs are awaited', { timeout: 20_000 }, async () => {
  const graph = new GraphBuilder();
  let tips = Array.from({ length: 50 }, (_, column) => graph.image(`base ${column}`));
  for (let row = 0; row < 50; row++) {
    tips = tips.map((tip, column) => {
      const beside = tips[(column + 1) % tips.length] ?? tip;
      return (row + column) % 2 === 0 ? graph.run(tip, `run ${row} ${column}`, { mounts: [beside] }) : graph.copy(tip, [beside], `copy ${row} ${column}`);
    });
  }
  const machine = new Machine();
  await machine.build(graph.finish(graph.copy(tips[0] ?? 0, tips, 'end')));
  assert.equal(machine.performed.length, 2501);
  assert.ok(machine.runningMax <= 2);
  const again = new Machine();
  const chain = new GraphBuilder();
  let tip = chain.image('base');
  for (let row = 0; row < 1000; row++) tip = chain.run(tip, `run ${row}`);
  await again.build(chain.finish(tip));
  assert.equal(again.performed.length, 1000);
});

test('vertices that do not depend on each other run at once, as many as the queue allows', async () => {
  for (const [runs, expected] of [[3, 3], [2, 2], [1, 1]] as const) {
    const graph = new GraphBuilder();
    const base = graph.image('base');
    const gate = new Gate();
    const machine = new Machine();
    const tips = ['a', 'b', 'c'].map((name) => {
      machine.work(name, async () => { await gate.wait(); return name; });
      return graph.run(base, name);
    });
    const build = machine.build(graph.finish(graph.copy(base, tips, 'end')), { runs });
    await settle();
    assert.equal(machine.runningNow, expected);
    for (let round = 0; round < 3; round++) {
      gate.open();
      await settle();
    }
    await build;
    assert.equal(machine.runningMax, expected);
  }
});

test('twenty steps at once may all listen for the abort, and Node.js does not warn of it', async (t) => {
  const warnings: string[] = [];
  const onWarning = (warning: Error): void => void warnings.push(warning.name);
  process.on('warning', onWarning);
  t.after(() => process.off('warning', onWarning));
  const graph = new GraphBuilder();
  const base = graph.image('base');
  const machine = new Machine();
  const gate = new Gate();
  const tips = Array.from({ length: 20 }, (_, index) => {
    machine.work(`s${index}`, async (signal) => {
      signal.addEventListener('abort', () => undefined);
      await gate.wait();
      return String(index);
    });
    return graph.run(base, `s${index}`);
  });
  const build = machine.build(graph.finish(graph.copy(base, tips, 'end')), { runs: 20 });
  await settle();
  assert.equal(machine.runningNow, 20);
  gate.open();
  await build;
  await settle();
  assert.deepEqual(warnings, []);
});

test('a RUN that waits holds up neither COPY nor the key of another step', async () => {
  const graph = new GraphBuilder();
  const base = graph.image('base');
  const gate = new Gate();
  const machine = new Machine().work('slow', async () => { await gate.wait(); return 's'; });
  const slow = graph.run(base, 'slow');
  const copy = graph.copy(base, [base], 'copy');
  const build = machine.build(graph.finish(graph.run(slow, 'end', { mounts: [copy] })));
  await settle();
  assert.ok(machine.events.includes('done copy'));
  gate.open();
  await build;
});

test('vertices of the same definition are performed once, and each has the result', async () => {
  const graph = new GraphBuilder();
  const base = graph.image('base');
  const same = graph.image('base');
  const [a, b] = [graph.run(base, 'same'), graph.run(same, 'same', { stage: 'other', name: 'same again' })];
  const machine = new Machine();
  const results = await machine.build(graph.finish(graph.copy(base, [a, b], 'end')), { runs: 9 });
  assert.deepEqual(machine.performed, ['same', 'end']);
  assert.deepEqual(results.get(a), results.get(b));
});

test('--no-cache-filter for one of two equal stages runs that one anew, and what is built on it uses its result', async () => {
  const graph = new GraphBuilder();
  const base = graph.image('base');
  let count = 0;
  const machine = new Machine().work('date', () => `date ${count++}`);
  const first = new GraphBuilder();
  await machine.build(first.finish(first.run(first.image('base'), 'date')));
  const old = graph.run(base, 'date');
  const oldChild = graph.run(old, 'child');
  const fresh = graph.run(base, 'date', { ignoreCache: true });
  const freshChild = graph.run(fresh, 'child', { stage: 'fresh' });
  const results = await machine.build(graph.finish(graph.copy(base, [oldChild, freshChild], 'end')), { runs: 9 });
  assert.deepEqual(results.get(oldChild)?.layers.slice(0, 2), [layerOf('base'), layerOf('date 0')]);
  assert.deepEqual(results.get(freshChild)?.layers.slice(0, 2), [layerOf('base'), layerOf('date 1')]);
});

test('a second run takes everything from the cache and performs nothing', async () => {
  const graph = new GraphBuilder();
  const base = graph.image('base');
  const machine = new Machine().work('empty', () => '');
  const whole = graph.finish(graph.copy(graph.run(base, 'empty'), [graph.run(base, 'one')], 'two'));
  const first = await machine.build(whole);
  assert.equal(machine.performed.length, 3);
  const second = await machine.build(whole);
  assert.deepEqual(machine.performed, []);
  assert.deepEqual([...second], [...first]);
  assert.deepEqual([...machine.events].sort(), ['cached empty', 'cached one', 'cached two', 'started empty', 'started one', 'started two']);
  checkLives(machine.events);
});

test('early cutoff: a RUN that runs again and writes the same bytes does not make the next steps run again', async () => {
  const machine = new Machine().work('a', () => 'same').work('b', () => 'same').work('c', () => 'other');
  const build = async (command: string): Promise<readonly string[]> => {
    const graph = new GraphBuilder();
    const step = graph.run(graph.image('base'), command);
    await machine.build(graph.finish(graph.run(graph.run(step, 'next'), 'last')));
    return [...machine.performed];
  };
  assert.deepEqual(await build('a'), ['a', 'next', 'last']);
  assert.deepEqual(await build('b'), ['b']);
  assert.deepEqual(await build('c'), ['c', 'next', 'last']);
  assert.deepEqual(await build('a'), []);
});

test('a miss tells its reason before the step runs', async () => {
  const graph = new GraphBuilder();
  const machine = new Machine();
  machine.reasons.set('one', 'changed src/a.ts');
  await machine.build(graph.finish(graph.run(graph.image('base'), 'one')));
  assert.deepEqual(machine.events, ['started one', 'missed one: changed src/a.ts', 'done one']);
});

test('a record whose layer is gone from the store is performed again', async () => {
  const graph = new GraphBuilder();
  const one = graph.run(graph.image('base'), 'one');
  const whole = graph.finish(graph.run(one, 'two'));
  const machine = new Machine().work('one', () => '1').work('two', () => '2');
  await machine.build(whole);
  machine.missingLayers.add(layerOf('1'));
  const results = await machine.build(whole);
  assert.deepEqual(machine.performed, ['one']);
  assert.deepEqual(results.get(one)?.added, [layerOf('1')]);
});

test('a step that two builds perform at once has the result that was kept first, for what comes after it in both', async () => {
  const graph = new GraphBuilder();
  const one = graph.run(graph.image('base'), 'one');
  const whole = graph.finish(graph.run(one, 'two'));
  const [machine, other] = [new Machine(), new Machine()];
  machine.work('one', async () => {
    await other.work('one', () => 'made by the other').build(whole);
    for (const [key, added] of other.records) machine.records.set(key, added);
    return 'made by itself';
  });
  const results = await machine.build(whole);
  assert.deepEqual(results.get(one)?.added, [layerOf('made by the other')]);
  assert.deepEqual(machine.performed, ['one'], 'the next step was the other build’s as well');
  assert.deepEqual([...machine.records.values()], [...other.records.values()]);
});

test('ignoreCache performs a step, keeps its result, and leaves the others to the cache', async () => {
  const machine = new Machine();
  const build = async (ignoreCache: boolean): Promise<readonly string[]> => {
    const graph = new GraphBuilder();
    const one = graph.run(graph.image('base'), 'one', { ignoreCache });
    await machine.build(graph.finish(graph.run(one, 'two')));
    return [...machine.performed];
  };
  machine.reasons.set('one', 'never told');
  assert.deepEqual(await build(true), ['one', 'two']);
  assert.ok(!machine.events.some((event) => event.includes('never told')));
  assert.deepEqual(await build(false), []);
  assert.deepEqual(await build(true), ['one']);
});

test('the first failure aborts the others, and is thrown when all of them have stopped', async () => {
  const graph = new GraphBuilder();
  const base = graph.image('base');
  const [failing, stopping] = [new Gate(), new Gate()];
  const machine = new Machine()
    .work('bad', async () => { await failing.wait(); throw new Error('first'); })
    .work('long', async (signal) => {
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
      await stopping.wait();
      throw new Error('second');
    });
  const tips = [graph.run(base, 'bad'), graph.run(base, 'long'), graph.run(base, 'queued')];
  let settled = false;
  const build = machine.build(graph.finish(graph.copy(base, tips, 'end')), { runs: 2 });
  const outcome = build.then(() => 'fine', (error: unknown) => error).finally(() => { settled = true; });
  await settle();
  assert.equal(machine.runningNow, 2);
  failing.open();
  await settle();
  assert.equal(settled, false, 'the build waits for the step that is still stopping');
  stopping.open();
  const error = await outcome;
  assert.ok(error instanceof Error && error.message === 'first');
  assert.equal(machine.runningNow, 0);
  assert.deepEqual(machine.performed, ['bad', 'long']);
  assert.deepEqual(machine.events, ['started bad', 'started long', 'failed bad: first', 'canceled queued', 'canceled long']);
});

test('a step that succeeds in spite of the abort is done, but nothing is built on it', async () => {
  const graph = new GraphBuilder();
  const base = graph.image('base');
  const [failing, deaf] = [new Gate(), new Gate()];
  const machine = new Machine()
    .work('bad', async () => { await failing.wait(); throw new Error('first'); })
    .work('deaf', async () => { await deaf.wait(); return 'd'; });
  const after = graph.run(graph.run(base, 'deaf'), 'after');
  const build = machine.build(graph.finish(graph.copy(base, [graph.run(base, 'bad'), after], 'end')), { runs: 2 });
  await settle();
  failing.open();
  await settle();
  deaf.open();
  await assert.rejects(build, { message: 'first' });
  assert.deepEqual(machine.performed, ['deaf', 'bad'].sort((a, b) => machine.performed.indexOf(a) - machine.performed.indexOf(b)));
  assert.ok(machine.events.includes('done deaf') && !machine.events.some((event) => event.includes('after')));
  checkLives(machine.events);
});

test('two failures at once: the first is thrown', async () => {
  const graph = new GraphBuilder();
  const base = graph.image('base');
  const gate = new Gate();
  const machine = new Machine();
  const tips = ['a', 'b', 'c'].map((name) => {
    machine.work(name, async () => { await gate.wait(); throw new Error(name); });
    return graph.run(base, name);
  });
  const build = machine.build(graph.finish(graph.copy(base, tips, 'end')), { runs: 3 });
  await settle();
  gate.open();
  await assert.rejects(build, { message: 'a' });
  checkLives(machine.events);
});

test('what fails before the step, in its key or in the cache, is the failure of the step', async () => {
  const one = (): Graph => {
    const graph = new GraphBuilder();
    return graph.finish(graph.run(graph.image('base'), 'one'));
  };
  const machine = new Machine();
  machine.keyWorks.set('one', () => Promise.reject(new Error('no such file')));
  await assert.rejects(machine.build(one()), { message: 'no such file' });
  assert.deepEqual(machine.events, ['started one', 'failed one: no such file']);
  const broken = new Machine();
  broken.putFails = new Error('disk full');
  await assert.rejects(broken.build(one()), { message: 'disk full' });
  assert.deepEqual(broken.events, ['started one', 'failed one: disk full']);
});

test('an abort from outside stops what runs, starts nothing more, and its reason is thrown', async () => {
  const graph = new GraphBuilder();
  const base = graph.image('base');
  const machine = new Machine().work('long', (signal) => new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(new Error('stopped')))));
  const controller = new AbortController();
  const build = machine.build(graph.finish(graph.run(graph.run(base, 'long'), 'next')), { signal: controller.signal });
  await settle();
  controller.abort(new Error('interrupted'));
  await assert.rejects(build, { message: 'interrupted' });
  assert.deepEqual(machine.events, ['started long', 'canceled long']);
  assert.equal(machine.runningNow, 0);
});

test('an abort while keys are made stops them and is no failure of a step', async () => {
  const graph = new GraphBuilder();
  const machine = new Machine();
  machine.keyWorks.set('one', (signal) => new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(new Error('stopped')))));
  const controller = new AbortController();
  const build = machine.build(graph.finish(graph.run(graph.image('base'), 'one')), { signal: controller.signal });
  await settle();
  controller.abort(new Error('interrupted'));
  await assert.rejects(build, { message: 'interrupted' });
  assert.deepEqual(machine.events, []);
});

test('what was aborted before it began does nothing', async () => {
  const graph = new GraphBuilder();
  const machine = new Machine();
  await assert.rejects(machine.build(graph.finish(graph.run(graph.image('base'), 'one')), { signal: AbortSignal.abort(new Error('early')) }), { message: 'early' });
  assert.deepEqual([machine.performed, machine.events], [[], []]);
});

test('execute leaves no listener on the signal that it was given', async () => {
  const controller = new AbortController();
  let listeners = 0;
  const { signal } = controller;
  const [add, remove] = [signal.addEventListener.bind(signal), signal.removeEventListener.bind(signal)];
  signal.addEventListener = (...args: Parameters<typeof add>) => { listeners += 1; add(...args); };
  signal.removeEventListener = (...args: Parameters<typeof remove>) => { listeners -= 1; remove(...args); };
  const graph = new GraphBuilder();
  const whole = graph.finish(graph.run(graph.image('base'), 'one'));
  await new Machine().build(whole, { signal });
  await assert.rejects(new Machine().work('one', () => { throw new Error('no'); }).build(whole, { signal }));
  assert.equal(listeners, 0);
});

test('several targets are carried out at once, what they share once, and the first failure ends all', async () => {
  const graph = new GraphBuilder();
  const shared = graph.run(graph.image('base'), 'shared');
  const [left, right] = [graph.run(shared, 'left'), graph.run(shared, 'right')].map((root) => graph.finish(root).targets[0] ?? -1);
  assert.ok(left !== undefined && right !== undefined);
  const whole: Graph = { ...graph.finish(shared), targets: [left, right] };
  // Each waits for the other: one after the other they would never end.
  let arrived = 0;
  let release = (): void => undefined;
  const both = new Promise<void>((resolve) => (release = resolve));
  const meet = (name: string) => async (): Promise<string> => {
    arrived += 1;
    if (arrived === 2) release();
    await both;
    return name;
  };
  const machine = new Machine().work('left', meet('left')).work('right', meet('right'));
  const results = await machine.build(whole, { runs: 2 });
  assert.ok(results.has(left) && results.has(right));
  assert.deepEqual([...machine.performed].sort(), ['left', 'right', 'shared']);
  const failing = new Machine().work('left', () => { throw new Error('no'); });
  await assert.rejects(failing.build(whole), { message: 'no' });
});

test('a wrong graph is an error and not a hang', async () => {
  const graph = new GraphBuilder();
  const whole = graph.finish(7);
  await assert.rejects(new Machine().build(whole), { message: 'the graph has no vertex 7' });
  await assert.rejects(new Machine().build({ ...whole, targets: [9] }), { message: 'the graph has no vertex 9' });
});

/** A graph of one step for each name, beside each other, with one on top of all. */
function stepsBeside(...names: readonly string[]): Graph {
  const graph = new GraphBuilder();
  const base = graph.image('base');
  return graph.finish(graph.copy(base, names.map((name) => graph.run(base, name)), 'top'));
}

test('of two builds that miss one key at once, one performs the step and the other takes its result', async () => {
  const gate = new Gate();
  const first = new Machine().work('one', () => gate.wait().then(() => 'made by the first'));
  const second = new Machine(first);
  const [one, two] = [first.build(stepsBeside('one')), (await settle(), second.build(stepsBeside('one')))];
  await settle();
  assert.deepEqual(second.events, ['started one', 'waiting one']);
  gate.open();
  const results = await Promise.all([one, two]);
  assert.deepEqual(second.events.slice(0, 3), ['started one', 'waiting one', 'cached one']);
  assert.deepEqual([first.performed[0], second.performed.includes('one')], ['one', false]);
  assert.deepEqual(results[1].get(1)?.added, [layerOf('made by the first')]);
  [first, second].forEach((machine) => { checkLives(machine.events); });
});

test('who waits for another build holds no slot: its other steps are performed meanwhile', async () => {
  const gate = new Gate();
  const first = new Machine().work('one', () => gate.wait().then(() => '1'));
  const second = new Machine(first);
  const one = first.build(stepsBeside('one'));
  await settle();
  const two = second.build(stepsBeside('one', 'two'));
  await settle();
  assert.deepEqual(second.performed, ['two']);
  gate.open();
  await Promise.all([one, two]);
  assert.equal(second.performed.includes('one'), false);
});

test('builds that hold what the other waits for, in any order and on queues of one, all finish', { timeout: 20_000 }, async () => {
  const names = Array.from({ length: 12 }, (_, at) => `step ${at}`);
  const first = new Machine();
  const machines = [first, ...Array.from({ length: 7 }, () => new Machine(first))];
  await Promise.all(machines.map((machine, at) => machine.build(stepsBeside(...names.slice(at), ...names.slice(0, at)))));
  const performed = machines.flatMap((machine) => machine.performed).filter((name) => name.startsWith('step'));
  assert.deepEqual([...performed].sort(), [...names].sort());
});

test('the step of a build that fails or is aborted is performed by one of those who wait', async () => {
  const gate = new Gate();
  const broken = new Machine().work('one', () => gate.wait().then(() => { throw new Error('broken'); }));
  const others = [new Machine(broken), new Machine(broken)];
  const failing = broken.build(stepsBeside('one'));
  await settle();
  const builds = others.map((machine) => machine.build(stepsBeside('one')));
  await settle();
  gate.open();
  await assert.rejects(failing, /broken/);
  await Promise.all(builds);
  assert.equal(others.flatMap(({ performed }) => performed).filter((name) => name === 'one').length, 1);
  others.forEach(({ events }) => { checkLives(events); });
});

test('a build that is aborted while it waits ends at once, and the other goes on', async () => {
  const gate = new Gate();
  const first = new Machine().work('one', () => gate.wait().then(() => '1'));
  const second = new Machine(first);
  const one = first.build(stepsBeside('one'));
  await settle();
  const controller = new AbortController();
  const two = second.build(stepsBeside('one'), { signal: controller.signal });
  await settle();
  controller.abort(new Error('enough'));
  await assert.rejects(two, /enough/);
  assert.deepEqual(second.events, ['started one', 'waiting one', 'canceled one']);
  gate.open();
  await one;
});

test('a build without cache waits for nobody', async () => {
  const gate = new Gate();
  const first = new Machine().work('one', () => gate.wait().then(() => '1'));
  const one = first.build(stepsBeside('one'));
  await settle();
  const graph = new GraphBuilder();
  const second = new Machine(first);
  await second.build(graph.finish(graph.run(graph.image('base'), 'one', { ignoreCache: true })));
  assert.deepEqual(second.performed, ['one']);
  gate.open();
  await one;
});
