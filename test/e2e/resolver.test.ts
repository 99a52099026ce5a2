/** Names are resolved in every RUN that has a network, also where the machine's resolver is on its loopback. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { fromLayout, writeContext } from '../support/context.ts';
import { forRun, skipWithout } from '../support/needs.ts';
import { logOf, parseRawLines } from '../support/raw-events.ts';
import { runProcess } from '../support/run-process.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { callEnvironment, program, repository } from '../support/tsbuild.ts';

const skip = skipWithout(...forRun, { program: 'unshare' }, { program: 'ip' });

/** In a network and with a resolver of the test's own: nothing of it is seen by, or sees, the machine. */
const machine = `set -e
ip link set lo up
mount --bind "$1" /etc/resolv.conf
coproc "$2" --import tsx "$3"
read -r ready <&"\${COPROC[0]}"
shift 3
status=0; "$@" || status=$?
kill "$COPROC_PID"
exit "$status"`;

for (const [network, needs] of [['default', [{ oneOf: ['pasta', 'slirp4netns'] }]], ['host', []]] as const) {
  test(`--network ${network} resolves names`, { skip: skip || skipWithout(...needs) }, async (t) => {
    const folder = temporaryFolder(t);
    writeFileSync(join(folder, 'resolv.conf'), 'nameserver 127.0.0.1\nsearch example.org\n');
    const context = await writeContext(folder, { Dockerfile: 'FROM busybox\nRUN nslookup -type=a some.example.org | tail -n 2; cat /etc/resolv.conf\n' });
    const build = [process.execPath, program, 'build', '--progress=rawjson', ...await fromLayout('busybox'), '--network', network, context];
    const resolver = fileURLToPath(new URL('resolver.ts', import.meta.url));
    const finished = await runProcess('unshare', ['--mount', '--net', '--', 'bash', '-c', machine, 'bash', join(folder, 'resolv.conf'), process.execPath, resolver, ...build], {
      cwd: repository, env: callEnvironment({ store: join(folder, 'store') }),
    });
    assert.equal(finished.exitCode, 0, finished.stderr.slice(-3000));
    const printed = logOf(parseRawLines(finished.stderr).events, /RUN/);
    assert.match(printed, /Address: 10\.9\.8\.7/);
    assert.match(printed, network === 'host' ? /^nameserver 127\.0\.0\.1$/m : /^nameserver 10\.0\.2\.3$/m);
    assert.match(printed, /^search example\.org$/m);
  });
}
