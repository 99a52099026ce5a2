/** `--userns=auto`: steps whose root is nobody on this machine make what other steps make, byte for byte. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { baseImage } from '../support/base-images.ts';
import { forRun, skipWithout } from '../support/needs.ts';
import { logOf } from '../support/raw-events.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { buildRaw, mustBuild } from '../support/tsbuild.ts';

const skip = skipWithout(...forRun, { program: 'gcc' });

/** Gives a file CAP_NET_RAW, permitted and effective (struct vfs_cap_data of linux/capability.h), and an attribute. */
const setcap = `
#include <sys/xattr.h>
int main(int argc, char **argv) {
  const unsigned char data[20] = {1, 0, 0, 2, 0, 0x20};
  return argc < 2 || setxattr(argv[1], "security.capability", data, sizeof data, 0) || setxattr(argv[1], "user.note", "x", 1, 0);
}`;

const dockerfile = `FROM busybox AS made
COPY --chown=33:34 --chmod=640 file /data/file
COPY setcap /setcap
RUN chown 5:7 /data && mkdir -p /x/y && chown 1000:1000 /x/y && chmod 1777 /x && ln /data/file /x/hard && ln /x/hard /x/y/hard && ln -s y /x/l && chown -h 8:9 /x/l && mkdir -p /r/s && touch /r/s/t && mkfifo /f && echo own > /own && chmod 600 /own
RUN cp /bin/busybox /busybox-capped && /setcap /busybox-capped && cp /bin/busybox /busybox-setuid && chmod 6755 /busybox-setuid && chown 12:13 /busybox-setuid && chmod 6755 /busybox-setuid

FROM made
RUN chown 40000:65535 /data/file && chmod 2750 /x/y && rm /bin/wget /x/l && rm -rf /r && mkdir /r && echo new > /r/n && touch /busybox-capped
USER 1000:1001
RUN --mount=type=cache,target=/cache,uid=1000,gid=1001,mode=0700 touch /cache/a && /busybox-capped grep Cap /proc/self/status > /x/caps && /busybox-setuid id -u > /x/ids && ! cat /own
USER 0
RUN --mount=type=secret,id=s,uid=1000,required=false --mount=type=bind,from=made,target=/m --network=none cat /m/own /cache/a > /got; stat -c '%u:%g %a %n' /m/* /x/* > /stat; cat /own; rm -rf /x/y
`;

async function prepare(folder: string, text: string): Promise<readonly string[]> {
  const context = join(folder, 'context');
  mkdirSync(context);
  writeFileSync(join(context, 'Dockerfile'), text);
  writeFileSync(join(context, 'file'), 'text\n');
  writeFileSync(join(folder, 'setcap.c'), setcap);
  execFileSync('gcc', ['-static', '-o', join(context, 'setcap'), join(folder, 'setcap.c')]);
  return ['--build-context', `busybox=oci-layout://${await baseImage('busybox')}:latest`, context];
}

test('owners, links, set-user-ID files, capabilities, caches and other stages: the image of --userns=auto is that of --userns=host', { skip }, async (t) => {
  const folder = temporaryFolder(t);
  const args = await prepare(folder, dockerfile);
  for (const mode of ['host', 'auto']) await mustBuild([`--userns=${mode}`, '--iidfile', join(folder, mode), ...args], { store: join(folder, `store-${mode}`) });
  assert.equal(readFileSync(join(folder, 'auto'), 'utf8'), readFileSync(join(folder, 'host'), 'utf8'));
  const cached = await mustBuild(['--userns=host', ...args], { store: join(folder, 'store-auto') });
  assert.doesNotMatch(cached.text, /"type":"step-log"/, 'it is no part of a key');
});

test('root of a step is an id of nobody on this machine, unless the build says host', { skip }, async (t) => {
  const folder = temporaryFolder(t);
  const args = await prepare(folder, 'FROM busybox\nRUN cat /proc/self/uid_map; id -u; head -c 1 /proc/slabinfo > /dev/null || echo closed\n');
  const map = async (mode: string): Promise<string> => logOf((await mustBuild([`--userns=${mode}`, '--no-cache', ...args], { store: join(folder, 'store') })).events, /RUN/);
  assert.match(await map('host'), /^ +0 +0 +\d+\n0\n$/);
  assert.match(await map('auto'), /^ +0 +[1-9]\d{4,} +\d+\n0\nclosed\n$/);
});

test('an insecure step and --userns=auto contradict each other, which is said with the line', { skip }, async (t) => {
  const folder = temporaryFolder(t);
  const args = await prepare(folder, 'FROM busybox\nRUN --security=insecure true\n');
  const { exitCode, text } = await buildRaw(['--userns=auto', '--allow=security.insecure', ...args], { store: join(folder, 'store') });
  assert.equal(exitCode, 2);
  assert.match(text, /USERNS_INSECURE/);
  assert.match(text, /"startLine":2,/);
});
