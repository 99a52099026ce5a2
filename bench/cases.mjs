// What is measured. A case prepares nothing twice and returns one sample, in milliseconds, a call.
import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';

/**
 * The cases of one adapter. `world` has the folder of the run, the base image and the contexts.
 * A sample is the number that counts; `goalMs` is what it must stay below.
 */
export function casesOf(adapter, world) {
  const call = (context, options = {}) => adapter.build({
    state: join(world.folder, 'state', adapter.name), base: world.base, context, noCache: false, events: false, ...options,
  });
  return [
    { name: 'node-start', sample: sampleNodeStart },
    { name: 'step', goalMs: 25, sample: () => sampleStep(call, world) },
    { name: 'cached', goalMs: 250, prepare: () => call(world.contexts.tenSteps), sample: async () => (await call(world.contexts.tenSteps)).totalMs },
    { name: 'commit', goalMs: 2000, sample: () => sampleCommit(call, world) },
    { name: 'copy', sample: () => sampleCopy(call, world) },
    { name: 'copy-total', sample: async () => (await call(world.contexts.copy, coldState(world))).totalMs },
    { name: 'copy-cached', prepare: () => call(world.contexts.copy), sample: async () => (await call(world.contexts.copy)).totalMs },
  ];
}

// The floor of every call, and a measure of the machine: other machines' figures compare by their ratio to it.
function sampleNodeStart() {
  const startedMs = performance.now();
  execFileSync(process.execPath, ['-e', '0']);
  return performance.now() - startedMs;
}

async function sampleStep(call, { contexts }) {
  const without = await call(contexts.noSteps, { noCache: true });
  const withSteps = await call(contexts.thirtySteps, { noCache: true });
  return (withSteps.totalMs - without.totalMs) / 30;
}

async function sampleCommit(call, { contexts }) {
  const { events } = await call(contexts.commit, { noCache: true, events: true });
  const written = events.findLast((event) => event.type === 'step-log' && event.text.includes('written'));
  const done = events.find((event) => event.type === 'step-done' && event.id === written.id);
  return done.timeMs - written.timeMs;
}

async function sampleCopy(call, world) {
  const { events } = await call(world.contexts.copy, { ...coldState(world), events: true });
  const start = events.find((event) => event.type === 'step-started' && event.step.name.includes('COPY'));
  return events.find((event) => event.type === 'step-done' && event.id === start.step.id).timeMs - start.timeMs;
}

// A store that has seen nothing, so that no file's digest is remembered.
function coldState({ folder }) {
  return { state: join(folder, 'state', randomUUID()) };
}
