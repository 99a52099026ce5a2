/** RUN --mount=type=ssh with OpenSSH's own programs (SEMANTICS A1, 11; A6, 85): agents, keys, and what a step may not do. */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { openAgent } from '../../src/build/ssh/agent.ts';
import { forwardAgent } from '../../src/build/ssh/forward.ts';
import { openBench, type Bench } from '../support/build-bench.ts';
import { until } from '../support/machine-state.ts';
import { findProgram, forRun, skipWithout } from '../support/needs.ts';
import { mustRun, runProcess } from '../support/run-process.ts';
import { copyProgram } from '../support/shared-libraries.ts';

const programs = ['ssh-agent', 'ssh-add', 'ssh-keygen'].map((program) => ({ program }));

describe('an agent made of key files', { skip: skipWithout(...programs) }, () => {
  let folder: string;
  before(async () => (folder = await mkdtemp(join(tmpdir(), 'tsbuild-keys-'))));
  after(() => rm(folder, { recursive: true, force: true }));

  const kinds = {
    'ed25519': ['-t', 'ed25519'],
    'RSA': ['-t', 'rsa', '-b', '2048'],
    'RSA in PEM': ['-t', 'rsa', '-b', '2048', '-m', 'PEM'],
    'ECDSA 256': ['-t', 'ecdsa', '-b', '256'],
    'ECDSA 384': ['-t', 'ecdsa', '-b', '384'],
    'ECDSA 521': ['-t', 'ecdsa', '-b', '521'],
    'ECDSA in PKCS 8': ['-t', 'ecdsa', '-b', '256', '-m', 'PKCS8'],
  };
  for (const [name, options] of Object.entries(kinds)) {
    test(`A1.11 a key of type ${name} signs what OpenSSH verifies`, async (t) => {
      const key = join(folder, name.replaceAll(' ', '-'));
      await mustRun('ssh-keygen', ['-q', '-N', '', '-f', key, ...options]);
      const agent = await openAgent('x', [key]);
      await rm(key); // only the agent has it now
      const warnings: string[] = [];
      const forwarded = await forwardAgent(agent, { folder, owner: { uid: 0, gid: 0, mode: 0o600 }, onWarning: (line) => warnings.push(line) });
      t.after(() => forwarded.close());
      const env = { PATH: process.env['PATH'] ?? '', SSH_AUTH_SOCK: forwarded.path };
      const data = `${key}.data`;
      await writeFile(data, 'words');
      await writeFile(`${key}.allowed`, `me ${await readFile(`${key}.pub`, 'utf8')}`);
      await mustRun('ssh-keygen', ['-Y', 'sign', '-n', 'file', '-f', `${key}.pub`, data], { env });
      execFileSync('ssh-keygen', ['-Y', 'verify', '-f', `${key}.allowed`, '-I', 'me', '-n', 'file', '-s', `${data}.sig`], { input: 'words', stdio: 'pipe' });
      assert.deepEqual(warnings, []);
    });
  }

  test('A1.11 a key behind a passphrase, a public key and a mixture with a socket are refused by name', async () => {
    const [locked, plain] = [join(folder, 'locked'), join(folder, 'plain')];
    await mustRun('ssh-keygen', ['-q', '-N', 'open sesame', '-t', 'ed25519', '-f', locked]);
    await mustRun('ssh-keygen', ['-q', '-N', '', '-t', 'ed25519', '-f', plain]);
    const pem = join(folder, 'locked-pem');
    await mustRun('ssh-keygen', ['-q', '-N', 'open sesame', '-t', 'rsa', '-b', '2048', '-m', 'PEM', '-f', pem]);
    await assert.rejects(openAgent('x', [locked]), { code: 'SSH_KEY_PROTECTED', errorClass: 'usage' });
    const pkcs8 = join(folder, 'locked-pkcs8');
    await mustRun('ssh-keygen', ['-q', '-N', 'open sesame', '-t', 'ecdsa', '-m', 'PKCS8', '-f', pkcs8]);
    for (const key of [pem, pkcs8]) await assert.rejects(openAgent('x', [key]), { code: 'SSH_KEY_PROTECTED' });
    await assert.rejects(openAgent('x', [`${plain}.pub`]), { code: 'SSH_INVALID' });
    await assert.rejects(openAgent('x', [join(folder, 'none')]), { code: 'SSH_INVALID', message: /no such file or directory$/ });
    const forwarded = await forwardAgent(await openAgent('x', [plain]), { folder, owner: { uid: 0, gid: 0, mode: 0o600 }, onWarning: () => undefined });
    await assert.rejects(openAgent('x', [forwarded.path, plain]), { code: 'SSH_INVALID', message: /a socket stands alone$/ });
    await forwarded.close();
    await assert.rejects(stat(forwarded.path), { code: 'ENOENT' });
  });
});

describe('RUN --mount=type=ssh', { skip: skipWithout(...forRun, ...programs) }, () => {
  let bench: Bench;
  let tools: string;
  let socket: string;
  let fingerprint: string;
  let stop: () => Promise<void>;

  before(async () => {
    bench = await openBench();
    tools = join(bench.folder, 'tools');
    await copyProgram(findProgram('ssh-add') ?? '', 'usr/local/bin/ssh-add', tools, false);
    socket = join(bench.folder, 'agent.sock');
    const agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: 'ignore' });
    stop = async () => {
      agent.kill('SIGTERM');
      if (agent.exitCode === null) await once(agent, 'exit');
    };
    await until('the agent listens', () => existsSync(socket));
    const key = join(bench.folder, 'id');
    await mustRun('ssh-keygen', ['-q', '-N', '', '-t', 'ed25519', '-f', key]);
    await mustRun('ssh-add', ['-q', key], { env: { PATH: process.env['PATH'] ?? '', SSH_AUTH_SOCK: socket } });
    fingerprint = (await mustRun('ssh-keygen', ['-lf', `${key}.pub`])).split(' ')[1] ?? '';
  });
  after(async () => {
    await stop();
    await bench.close();
  });
  const withAgent = (): object => ({ ssh: [{ id: 'default', paths: [socket] }], buildContexts: [{ name: 'tools', value: tools }] });
  const lines = (...run: string[]): string[] => ['FROM base', 'COPY --from=tools / /', ...run];

  test('A6.85 a step lists the keys of the user\'s agent over /run/buildkit/ssh_agent.N, 0600, and nothing of it stays', async () => {
    const { log } = await bench.run(lines('RUN --mount=type=ssh echo $SSH_AUTH_SOCK; stat -c "%F %a %u:%g" $SSH_AUTH_SOCK; ssh-add -l', 'RUN ls -d /run 2>&1 | grep -c "No such"; echo "${SSH_AUTH_SOCK-unset}"'), withAgent());
    const [path, socketLine, key, ...rest] = log.split('\n');
    assert.deepEqual([path, socketLine, ...rest], ['/run/buildkit/ssh_agent.0', 'socket 600 0:0', '1', 'unset', '']);
    assert.ok(key?.includes(fingerprint), log);
  });

  test('A1.11 target, owner and mode; several agents; SSH_AUTH_SOCK stays where it is set', async () => {
    const { log } = await bench.run(lines('RUN --mount=type=ssh,target=/a,uid=7,gid=8,mode=0666 --mount=type=ssh,id=other stat -c "%n %a %u:%g" /a /run/buildkit/ssh_agent.1; echo $SSH_AUTH_SOCK',
      'USER 77', 'RUN --mount=type=ssh,uid=77 ssh-add -l | wc -l', 'ENV SSH_AUTH_SOCK=/mine', 'RUN --mount=type=ssh echo $SSH_AUTH_SOCK'), { ...withAgent(), ssh: [{ id: 'default', paths: [socket] }, { id: 'other', paths: [socket] }] });
    assert.equal(log, '/a 666 7:8\n/run/buildkit/ssh_agent.1 600 0:0\n/a\n1\n/mine\n');
  });

  test('A1.11 a step can neither remove nor lock keys, nor reach the agent\'s own socket', async () => {
    const { log } = await bench.run(lines('RUN --mount=type=ssh ssh-add -D 2>/dev/null || echo kept; ssh-add -l | wc -l; stat -c %i $SSH_AUTH_SOCK'), withAgent());
    const [kept, count, inode] = log.split('\n');
    assert.deepEqual([kept, count], ['kept', '1']);
    assert.notEqual(inode, String((await stat(socket)).ino));
    const left = await runProcess('ssh-add', ['-l'], { env: { PATH: process.env['PATH'] ?? '', SSH_AUTH_SOCK: socket } });
    assert.ok(left.stdout.includes(fingerprint));
  });

  test('A6.85 an agent that is not there is no mount, or an error where it is required; one offered and missing is said at once', async () => {
    assert.equal((await bench.run(['FROM base', 'RUN --mount=type=ssh ls -d /run 2>&1 | grep -c "No such"'])).log, '1\n');
    const { error } = await bench.fail(['FROM base', 'RUN --mount=type=ssh,required true']);
    assert.deepEqual([error.code, error.exitCode, error.position?.startLine], ['SSH_MISSING', 2, 2]);
    const missing = await bench.fail(['FROM base', 'RUN echo ran'], { ssh: [{ id: 'default', paths: ['/no/such'] }] });
    assert.deepEqual([missing.error.code, missing.log], ['SSH_INVALID', '']);
    const twice = await bench.fail(['FROM base'], { ssh: [{ id: 'a', paths: [socket] }, { id: 'a', paths: [socket] }] });
    assert.equal(twice.error.message, '--ssh a: given twice');
  });
});
