import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { TsbuildError } from '../../src/base/errors.ts';
import { encodeOperations } from '../../src/sandbox/encode.ts';
import type { Operation } from '../../src/sandbox/operation.ts';
import { planStep } from '../../src/sandbox/plan.ts';
import type { StepSpec } from '../../src/sandbox/step.ts';

const typical: StepSpec = {
  root: { lowers: [{ kind: 'directory', path: '/store/l1' }, { kind: 'directory', path: '/store/l2' }], upper: '/store/u', work: '/store/w' },
  argv: ['/bin/sh', '-c', 'make'],
  env: [['PATH', '/usr/bin:/bin'], ['EMPTY', ''], ['BYTES', Buffer.from([0xff])]],
  cwd: '/src',
  user: { uid: 1000, gid: 1000, groups: [27] },
  network: 'none',
  hostname: 'buildkitsandbox',
  hosts: '127.0.0.1\tlocalhost\n',
  resolvConf: '# This step has no network.\n',
  mounts: [
    { kind: 'secret', target: '/run/secrets/token', content: Buffer.from('s3cret'), uid: 0, gid: 0, mode: 0o400 },
    { kind: 'path', path: '/store/cache/1', target: '/root/.cache', readOnly: false },
    { kind: 'bind', view: { lowers: [{ kind: 'directory', path: '/store/context' }] }, source: '/package.json', target: '/src/package.json', readOnly: true },
    { kind: 'tmpfs', target: '/tmp', sizeBytes: 4096 },
    { kind: 'path', path: '/store/cache/2', source: '/sub', target: '/sub', readOnly: true },
  ],
  userNamespace: null,
  stepIds: null,
  security: 'sandbox',
  shmSizeBytes: 67108864,
  cgroups: { files: ['/sys/fs/cgroup/memory/x/cgroup.procs', '/sys/fs/cgroup/cpu/x/cgroup.procs'], view: { version: 1, trees: [['memory'], ['cpu', 'cpuacct']] } },
  ulimits: [{ name: 'nofile', soft: 1024, hard: 2048 }],
  seccomp: new Uint8Array(8),
  landlockScope: false,
};

/** One operation a line: its index, its name, its fields. */
function format(operations: readonly Operation[]): string {
  const lines = operations.map(({ operation, ...fields }, index) => {
    const readable = Object.entries(fields).map(([key, value]) => [key, readableField(key, value)]);
    return `${index} ${operation} ${JSON.stringify(Object.fromEntries(readable))}`;
  });
  return `${lines.join('\n')}\n`;
}

function readableField(key: string, value: unknown): unknown {
  if (value instanceof Uint8Array) return `<${value.length} bytes>`;
  return typeof value === 'number' && (key === 'mode' || key === 'mask') ? `0${value.toString(8)}` : value;
}

function checkGolden(name: string, spec: StepSpec): void {
  const path = new URL(`golden/${name}.txt`, import.meta.url);
  const actual = format(planStep(spec));
  if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(path, actual);
  assert.equal(actual, readFileSync(path, 'utf8'));
}

test('planStep plans a typical step', () => checkGolden('plan-typical', typical));
test('planStep plans a step with a user namespace of its own', () =>
  checkGolden('plan-user-namespace', { ...typical, stepIds: { uids: [{ inside: 0, outside: 200000, count: 65536 }], gids: [{ inside: 0, outside: 300000, count: 65536 }] } }));
test('planStep plans an insecure step with the network of the host', () =>
  checkGolden('plan-insecure', { ...typical, mounts: [], ulimits: [], security: 'insecure', network: 'host', landlockScope: true, user: { uid: 0, gid: 0, groups: [] } }));

test('equal specifications have equal encodings', () => {
  assert.deepEqual(encodeOperations(planStep(typical)), encodeOperations(planStep({ ...typical, mounts: [...typical.mounts].reverse() })));
});

function checkRejected(changes: Partial<StepSpec>, code: string): void {
  assert.throws(() => encodeOperations(planStep({ ...typical, ...changes })), (error: unknown) => error instanceof TsbuildError && error.code === code);
}

test('an unknown ulimit is refused', () => checkRejected({ ulimits: [{ name: 'constructor', soft: 1, hard: 1 }] }, 'ULIMIT_UNKNOWN'));
test('a soft limit above the hard one is refused', () => checkRejected({ ulimits: [{ name: 'nofile', soft: 2, hard: 1 }] }, 'ULIMIT_INVALID'));
test('an unlimited soft limit below a hard one is refused', () => checkRejected({ ulimits: [{ name: 'nofile', soft: -1, hard: 1 }] }, 'ULIMIT_INVALID'));
test('501 layers are refused with a number', () => {
  const lowers = Array.from({ length: 501 }, (_, index) => ({ kind: 'directory' as const, path: `/l${index}` }));
  checkRejected({ root: { lowers, upper: '/u', work: '/w' } }, 'LAYERS_TOO_MANY');
});

test('a NUL character in the environment is refused by the name of the variable, its value unseen', () => {
  for (const [name, value] of [['TOKEN', 's3cret\0x'], ['TOKEN', Buffer.from('s3cret\0x')], ['TOK\0EN', 's3cret']] as const) {
    assert.throws(() => planStep({ ...typical, env: [['PATH', '/bin'], [name, value]] }), (error) => {
      assert.ok(error instanceof TsbuildError);
      assert.deepEqual([error.errorClass, error.code], ['usage', 'NUL_CHARACTER']);
      assert.match(error.message, /^run step: the variable "TOK(\\u0000)?EN" has a NUL character/);
      assert.doesNotMatch(error.message, /s3cret/);
      return true;
    });
  }
});
