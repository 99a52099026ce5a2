/** Options of the command line that RUN feels, all from one RUN each (SEMANTICS A6, 79; A8, 5). */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { fromLayout, writeContext } from '../support/context.ts';
import { forRun, skipWithout } from '../support/needs.ts';
import { logOf } from '../support/raw-events.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { mustBuild } from '../support/tsbuild.ts';

test('A6.79 --ulimit, --shm-size, --add-host, --network and the host name reach RUN', { skip: skipWithout(...forRun) }, async (t) => {
  const folder = temporaryFolder(t);
  const context = await writeContext(folder, { Dockerfile: `FROM busybox
RUN ulimit -S -n; ulimit -H -n; df -k /dev/shm | tail -n 1 | tr -s " " | cut -d" " -f2; hostname; cat /etc/hosts /etc/resolv.conf; sed -n "s/^ *\\([a-z0-9]*\\):.*/\\1/p" /proc/net/dev
` });
  const options = ['--ulimit', 'nofile=100:200', '--shm-size', '2m', '--network', 'none', '--build-arg', 'BUILDKIT_SANDBOX_HOSTNAME=forge',
    '--add-host', 'db:10.0.0.7', '--add-host', 'six=[fd00::7]', '--add-host', 'db:10.0.0.8', '--add-host', 'me:host-gateway'];
  const { events } = await mustBuild([...await fromLayout('busybox'), ...options, context], { store: join(folder, 'store') });
  assert.equal(logOf(events, /RUN/), [
    '100', '200', '2048', 'forge', '127.0.0.1\tlocalhost forge', '::1\tlocalhost ip6-localhost ip6-loopback', '10.0.0.7\tdb', 'fd00::7\tsix', '10.0.0.8\tdb', '127.0.0.1\tme',
    '# This step has no network.', 'lo', '',
  ].join('\n'));
});

test('A6.79 --add-host host-gateway leads to what listens on all addresses of this machine, not to its loopback', { skip: skipWithout(...forRun, { program: 'slirp4netns' }) }, async (t) => {
  const ports = await Promise.all(['0.0.0.0', '127.0.0.1'].map(async (address) => {
    const server = createServer((_request, response) => response.end('the host answers\n')).listen(0, address);
    t.after(() => server.close());
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  }));
  const folder = temporaryFolder(t);
  const asks = ports.map((port) => `printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc -w 3 $gateway ${port} 2>/dev/null | tail -n 1 | grep . || echo nothing`);
  const context = await writeContext(folder, { Dockerfile: `FROM busybox\nRUN <<'EOF'\ngateway=$(sed -n 's/\\tme$//p' /etc/hosts)\n${asks.join('\n')}\nEOF\n` });
  const { events } = await mustBuild([...await fromLayout('busybox'), '--add-host', 'me:host-gateway', context], { store: join(folder, 'store') });
  assert.equal(logOf(events, /RUN/), 'the host answers\nnothing\n');
});
