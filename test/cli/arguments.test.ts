import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TsbuildError } from '../../src/base/errors.ts';
import type { BuildRequest } from '../../src/cli/build-request.ts';
import type { CallInvocation, Invocation } from '../../src/cli/invocation.ts';
import { parseInvocation } from '../../src/cli/program.ts';
import { checkGolden } from './support.ts';

const env = { FROM_ENV: 'yes', SSH_AUTH_SOCK: '/run/agent', npm_token: 'secret', HOME: '/home/u' };

function parse(line: string, more: Readonly<Record<string, string>> = {}, uid = 0): Invocation {
  const words = line.split(' ').filter((word) => word !== '');
  return parseInvocation(words, { env: { ...env, ...more }, user: { uid, workingDirectory: '/work' }, version: '1.2.3', network: 'user-mode networking by pasta', helpWidth: 80 });
}

function requestOf(line: string, more?: Readonly<Record<string, string>>, uid?: number): BuildRequest {
  const invocation = parse(line, more, uid);
  assert.ok(invocation.command === 'build' || invocation.command === 'graph', invocation.command);
  return invocation.request;
}

const empty = requestOf('.');

test('a build without options asks for nothing', () => {
  checkGolden('request-empty', `${JSON.stringify(empty, null, 2)}\n`);
});

test('a request survives JSON', () => {
  const request = requestOf('-t a --build-arg FROM_ENV --build-arg GONE --secret id=x,src=y --ulimit nofile=1 --shm-size 64m .');
  assert.deepEqual(JSON.parse(JSON.stringify(request)), request);
});

/** What the options change in the request; the context is `.`. */
const options: readonly (readonly [string, Partial<BuildRequest>])[] = [
  ['-f Other', { file: 'Other' }],
  ['-f=Other', { file: 'Other' }],
  ['--file=Other', { file: 'Other' }],
  ['-fOther', { file: 'Other' }],
  ['-t a --tag b:1', { tags: ['a', 'b:1'] }],
  ['--target test', { target: 'test' }],
  ['--build-arg A=1=2 --build-arg FROM_ENV --build-arg GONE --build-arg E=', { buildArgs: [{ key: 'A', value: '1=2' }, { key: 'FROM_ENV', value: 'yes' }, { key: 'GONE' }, { key: 'E', value: '' }] }],
  ['--build-context base=docker-image://alpine', { buildContexts: [{ name: 'base', value: 'docker-image://alpine' }] }],
  ['--secret id=x,src=a/b', { secrets: [{ id: 'x', from: 'file', path: 'a/b' }] }],
  ['--secret id=x,source=b', { secrets: [{ id: 'x', from: 'file', path: 'b' }] }],
  ['--secret id=x,env=Y', { secrets: [{ id: 'x', from: 'env', variable: 'Y' }] }],
  ['--secret id=x,type=env,src=Y', { secrets: [{ id: 'x', from: 'env', variable: 'Y' }] }],
  ['--secret id=npm_token', { secrets: [{ id: 'npm_token', from: 'env', variable: 'npm_token' }] }],
  ['--secret id=token', { secrets: [{ id: 'token', from: 'file', path: 'token' }] }],
  ['--secret id=x,"src=a,b"', { secrets: [{ id: 'x', from: 'file', path: 'a,b' }] }],
  ['--ssh default', { ssh: [{ id: 'default', paths: ['/run/agent'] }] }],
  ['--ssh gh=a,b', { ssh: [{ id: 'gh', paths: ['a', 'b'] }] }],
  ['--platform linux/amd64,linux/arm64 --platform linux/arm/v7', { platforms: ['linux/amd64', 'linux/arm64', 'linux/arm/v7'] }],
  ['--label a=b --label c', { labels: [{ name: 'a', value: 'b' }, { name: 'c', value: '' }] }],
  ['--annotation a.b=c:d=e', { annotations: [{ level: 'manifest', platform: null, key: 'a.b', value: 'c:d=e' }] }],
  ['--annotation index,manifest[linux/arm64]:k=v', { annotations: [{ level: 'index', platform: null, key: 'k', value: 'v' }, { level: 'manifest', platform: 'linux/arm64', key: 'k', value: 'v' }] }],
  ['--no-cache', { noCache: true }],
  ['--no-cache=false', {}],
  ['--no-cache-filter a,b --no-cache-filter c', { noCacheFilter: ['a', 'b', 'c'] }],
  ['--pull', { pull: true }],
  ['--pull=true', { pull: true }],
  ['--pull=false', {}],
  ['--network none', { network: 'none' }],
  ['--add-host a:1.2.3.4 --add-host b=[::1] --add-host c:::1 --add-host d:host-gateway', { addHosts: [{ host: 'a', address: '1.2.3.4' }, { host: 'b', address: '::1' }, { host: 'c', address: '::1' }, { host: 'd', address: 'host-gateway' }] }],
  ['--ulimit nofile=1024 --ulimit core=0:-1', { ulimits: [{ name: 'nofile', soft: 1024, hard: 1024 }, { name: 'core', soft: 0, hard: -1 }] }],
  ['--shm-size 64m', { shmSizeBytes: 67_108_864 }],
  ['--shm-size 1.5GiB', { shmSizeBytes: 1_610_612_736 }],
  ['--shm-size 1000', { shmSizeBytes: 1000 }],
  ['-m 1g', { limits: { ...empty.limits, memoryBytes: 1_073_741_824 } }],
  ['--memory 512m --memory-swap 1g', { limits: { ...empty.limits, memoryBytes: 536_870_912, memorySwapBytes: 1_073_741_824 } }],
  ['--memory 512m --memory-swap=-1', { limits: { ...empty.limits, memoryBytes: 536_870_912, memorySwapBytes: -1 } }],
  ['-m 0 --memory-swap 0 --cpus 0 --cpu-quota 0 --cpu-period 0 --cpu-shares 0', {}],
  ['--cpus 1.5', { limits: { ...empty.limits, cpuQuotaUs: 150_000, cpuPeriodUs: 100_000 } }],
  ['--cpu-quota 50000 --cpu-period 20000', { limits: { ...empty.limits, cpuQuotaUs: 50_000, cpuPeriodUs: 20_000 } }],
  ['--cpu-quota=-1', { limits: { ...empty.limits, cpuQuotaUs: -1 } }],
  ['-c 512', { limits: { ...empty.limits, cpuShares: 512 } }],
  ['--cpuset-cpus 0-3,8 --cpuset-mems 0', { limits: { ...empty.limits, cpusetCpus: '0-3,8', cpusetMems: '0' } }],
  ['--pids-limit 100', { limits: { ...empty.limits, pidsMax: 100 } }],
  ['--pids-limit=-1', { limits: { ...empty.limits, pidsMax: -1 } }],
  ['--pids-limit 0', { limits: { ...empty.limits, pidsMax: -1 } }],
  ['--device-read-bps /dev/sda:10m --device-write-iops /dev/a:b:500', { limits: { ...empty.limits, devices: [{ path: '/dev/sda', what: 'read-bps', rate: 10_485_760 }, { path: '/dev/a:b', what: 'write-iops', rate: 500 }] } }],
  ['--cgroup-parent /builds/ours', { limits: { ...empty.limits, cgroupParent: '/builds/ours' } }],
  ['--iidfile id --metadata-file meta.json', { iidFile: 'id', metadataFile: 'meta.json' }],
  ['-o out --output type=oci,dest=a.tar', { outputs: ['out', 'type=oci,dest=a.tar'] }],
  ['--allow network.host,security.insecure', { allow: ['network.host', 'security.insecure'] }],
  ['--timestamps keep', { timestamps: 'keep' }],
  ['--build-arg SOURCE_DATE_EPOCH=5', { buildArgs: [{ key: 'SOURCE_DATE_EPOCH', value: '5' }] }],
  ['--store s', { storeRoot: '/work/s' }],
  ['--jobs 3', { jobs: 3 }],
  ['--rm --force-rm --disable-content-trust --provenance=false --sbom=false --load=false', {}],
];
for (const [line, changes] of options) {
  test(`build ${line}`, () => {
    assert.deepEqual(requestOf(`${line} .`), { ...empty, ...changes });
    assert.deepEqual(requestOf(`build . ${line}`), { ...empty, ...changes });
    assert.deepEqual(requestOf(`graph ${line} .`), { ...empty, ...changes });
  });
}

/** Calls that look at the Dockerfile instead of building it. */
const calls: readonly (readonly [string, CallInvocation['method'], Partial<CallInvocation>])[] = [
  ['--check .', 'check', {}],
  ['build --check=true --call=check .', 'check', {}],
  ['--call lint .', 'check', {}],
  ['--call=check,format=json .', 'check', { format: 'json' }],
  ['--call=check,format=sarif,ignorestatus=true .', 'check', { format: 'sarif', ignoreStatus: true }],
  ['--call=outline .', 'outline', {}],
  ['--call targets,format=json .', 'targets', { format: 'json' }],
  ['check', 'check', {}],
  ['check .', 'check', {}],
  ['check --json', 'check', { format: 'json' }],
  ['check --format sarif --strict .', 'check', { format: 'sarif', strict: true }],
];
for (const [line, method, changes] of calls) {
  test(`tsbuild ${line}`, () => {
    assert.deepEqual(parse(line), { command: 'call', request: empty, call: { method, format: 'text', strict: false, ignoreStatus: false, ...changes } });
  });
}

test('tsbuild parse takes one file, by default the Dockerfile here', () => {
  assert.deepEqual(parse('parse'), { command: 'parse', file: 'Dockerfile', json: false });
  assert.deepEqual(parse('parse --json -'), { command: 'parse', file: '-', json: true });
  assert.deepEqual(parse('parse a/b --json'), { command: 'parse', file: 'a/b', json: true });
});

test('tsbuild context takes a directory, by default the one here, and paths in it', () => {
  const plain = { context: '.', file: null, paths: [], depthMax: null, storeRoot: '/var/lib/tsbuild' };
  const form = { why: false, json: false };
  assert.deepEqual(parse('context'), { command: 'context', request: plain, form });
  assert.deepEqual(parse('context --why --depth 2 -f d/x dir a b/c'), { command: 'context', request: { ...plain, context: 'dir', file: 'd/x', paths: ['a', 'b/c'], depthMax: 2 }, form: { ...form, why: true } });
  assert.deepEqual(parse('context dir --json'), { command: 'context', request: { ...plain, context: 'dir' }, form: { ...form, json: true } });
  assert.deepEqual(parse('context --store=/s -'), { command: 'context', request: { ...plain, context: '-', storeRoot: '/s' }, form });
  for (const depth of ['0', 'x', '-1']) assert.throws(() => parse(`context --depth=${depth}`), { code: 'OPTION_VALUE' });
});

test('--call=build and --check=false build', () => {
  for (const line of ['--call build .', '--call=build,format=json .', '--check=false .']) assert.equal(parse(line).command, 'build', line);
});

test('tsbuild check takes the inputs of a build', () => {
  const invocation = parse('check -f Other --target x --build-arg A=1 --build-context b=dir --platform linux/arm64 dir');
  const inputs = { context: 'dir', file: 'Other', target: 'x', buildArgs: [{ key: 'A', value: '1' }], buildContexts: [{ name: 'b', value: 'dir' }], platforms: ['linux/arm64'] };
  assert.deepEqual(invocation.command === 'call' && invocation.request, { ...empty, ...inputs });
});

/** What the environment changes. */
const environments: readonly (readonly [Readonly<Record<string, string>>, number, Partial<BuildRequest>])[] = [
  [{ SOURCE_DATE_EPOCH: '1700000000' }, 0, { sourceDateEpoch: '1700000000' }],
  [{ SOURCE_DATE_EPOCH: '' }, 0, {}],
  [{ TSBUILD_ROOT: '/srv/store' }, 0, { storeRoot: '/srv/store' }],
  [{}, 1000, { storeRoot: '/home/u/.local/share/tsbuild' }],
  [{ XDG_DATA_HOME: '/data' }, 1000, { storeRoot: '/data/tsbuild' }],
  [{ XDG_DATA_HOME: 'relative' }, 1000, { storeRoot: '/home/u/.local/share/tsbuild' }],
];
for (const [more, uid, changes] of environments) {
  test(`build with ${JSON.stringify(more)} as user ${uid}`, () => {
    assert.deepEqual(requestOf('.', more, uid), { ...empty, ...changes });
  });
}

/** Calls and the command that they are. */
const commands: readonly (readonly [string, Omit<Invocation & { command: 'store' }, 'command' | 'storeRoot'>['task']])[] = [
  ['images', { command: 'images', json: false }],
  ['images --json', { command: 'images', json: true }],
  ['inspect a b', { command: 'inspect', names: ['a', 'b'], platform: null }],
  ['inspect --platform arm64 a', { command: 'inspect', names: ['a'], platform: 'arm64' }],
  ['history a', { command: 'history', name: 'a', platform: null, json: false }],
  ['tag a b c', { command: 'tag', source: 'a', targets: ['b', 'c'] }],
  ['rm a b', { command: 'rm', names: ['a', 'b'] }],
  ['save a -o f --format docker', { command: 'save', names: ['a'], platform: null, output: 'f', format: 'docker' }],
  ['save a', { command: 'save', names: ['a'], platform: null, output: '-', format: 'oci' }],
  ['load -i f', { command: 'load', input: 'f' }],
  ['logs', { command: 'logs', which: { which: 'last' } }],
  ['logs 3', { command: 'logs', which: { which: 'step', step: '3' } }],
];
for (const [line, task] of commands) {
  test(`tsbuild ${line}`, () => {
    assert.deepEqual(parse(`${line} --store /s`), { command: 'store', storeRoot: '/s', task });
  });
}

test('a first word that is no command is a context', () => {
  for (const context of ['.', '-', 'dir', './images', 'https://example.com/a.git']) assert.equal(requestOf(context).context, context);
});

test('a command word after options is a context', () => {
  assert.equal(requestOf('-t a images').context, 'images');
  assert.equal(requestOf('build images').context, 'images');
});

test('progress comes from --progress, then -q, then BUILDKIT_PROGRESS', () => {
  const mode = (line: string, more = {}) => {
    const invocation = parse(line, more);
    return invocation.command === 'build' ? invocation.progress.mode : null;
  };
  assert.equal(mode('.'), 'auto');
  assert.equal(mode('--progress plain .'), 'plain');
  assert.equal(mode('-q .'), 'quiet');
  assert.equal(mode('.', { BUILDKIT_PROGRESS: 'rawjson' }), 'rawjson');
  assert.equal(mode('--progress tty .', { BUILDKIT_PROGRESS: 'rawjson' }), 'tty');
});

test('an output on standard output is noticed', () => {
  const taken = (line: string) => {
    const invocation = parse(line);
    return invocation.command === 'build' && invocation.progress.stdoutTaken;
  };
  assert.equal(taken('-o - .'), true);
  assert.equal(taken('-o type=oci,dest=- .'), true);
  assert.equal(taken('-o type=oci,dest=a .'), false);
});

/** Wrong calls; the golden shows what the user reads. */
const wrong = [
  'build', '. extra', '--nope .', '--targett x .', '-t', 'tag a', 'inspect', 'logs 3 --last', 'completion zsh',
  '--network bridge .', '--shm-size big .', '--ulimit nofile .', '--ulimit nofile=2:1 .', '--ulimit files=1 .', '--add-host a .',
  '--add-host a:b .', '--secret src=a .', '--secret id=a,foo=b .', '--secret id=a,"b .', '--label =a .',
  '--build-arg =a .', '--build-context a .', '--annotation weird-descriptor:a=b .', '--allow everything .', '--timestamps now .',
  '--jobs 0 .', '--progress loud .', '-f - -', '--pull=maybe .', 'save a --format zip', 'graph --format png .',
  '--load .', '--push .', '--call describe .', '--call=check,format=xml .', '--call=outline,format=sarif .', '--call=check,color=no .', '--check --call=outline .', 'check --format xml', 'check a b', 'check -t x', 'parse a b', 'parse --yaml', '--cache-from x .', '--cache-to x .', '--squash .', '-m 5m .', '-m much .', '--memory-swap 1g .', '-m 1g --memory-swap 512m .', '--cpus 0.001 .', '--cpus many .', '--cpus 1 --cpu-quota 5000 .', '--cpu-quota 5 .', '--cpu-period 10 .', '--cpu-shares 1 .', '--cpuset-cpus 3-1 .', '--cpuset-cpus= .', '--cpuset-mems a .', '--pids-limit -2 .', '--device-read-bps /dev/sda .', '--device-write-bps sda:1m .', '--device-read-iops /dev/sda:1m .', '--device-write-bps /dev/sda:0 .', '--cgroup-parent a/../b .',
  '--rm=false .', '--provenance .', '--provenance=max .', '--sbom=true .', '--builder x .', '--device x .', '--compress .',
];
test('wrong calls are refused with exit code 2 and a hint where one can act', () => {
  const lines = wrong.map((line) => {
    try {
      parse(line);
      return `$ tsbuild ${line}\nACCEPTED`;
    } catch (error) {
      assert.ok(error instanceof TsbuildError, String(error));
      assert.equal(error.exitCode, 2);
      return `$ tsbuild ${line}\n${error.code}: ${error.message}${error.hint === undefined ? '' : `\n  ${error.hint}`}`;
    }
  });
  checkGolden('wrong-calls', `${lines.join('\n\n')}\n`);
});

test('--ssh without an agent says what to do', () => {
  assert.throws(() => requestOf('--ssh default .', { SSH_AUTH_SOCK: '' }), { code: 'SSH_AGENT_MISSING' });
});

for (const line of ['', '--help', 'build --help', 'check --help', 'graph --help', 'parse --help', 'context --help', 'doctor --help', 'images --help', 'inspect --help', 'history --help', 'tag --help', 'rm --help', 'save --help', 'load --help', 'logs --help', 'du --help', 'prune --help', 'store --help', 'completion --help']) {
  test(`help: tsbuild ${line}`, () => {
    const invocation = parse(line);
    assert.equal(invocation.command, 'print');
    if (invocation.command === 'print') checkGolden(`help/${line.replace(/ ?--help/, '') || 'tsbuild'}`, invocation.text);
  });
}

test('`help build` is `build --help`', () => {
  assert.deepEqual(parse('help build'), parse('build --help'));
  assert.deepEqual(parse('-t x --help .'), parse('build --help'));
});

test('completion bash names every command', () => {
  const invocation = parse('completion bash');
  assert.match(invocation.command === 'print' ? invocation.text : '', /compgen -W "build check graph parse context images inspect history tag rm save load logs du prune store doctor completion"/);
});

test('--version prints the version', () => {
  assert.deepEqual(parse('--version'), { command: 'print', text: 'tsbuild 1.2.3\n' });
});
