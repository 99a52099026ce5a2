/**
 * tsbuild where programs of another processor can be started: in a mount namespace of its own with binfmt_misc mounted and
 * QEMU registered under a name of its own, so that nothing of it is left on the machine.
 */
import { parseRawLines, type RawOutcome } from './raw-events.ts';
import { runProcess } from './run-process.ts';
import { callEnvironment, program, type CallOptions } from './tsbuild.ts';
import type { Need } from './needs.ts';

export const forEmulation: readonly Need[] = [{ program: 'unshare' }, { program: 'qemu-aarch64-static' }, { program: 'qemu-arm-static' }];

/** A registration, in the words of the kernel's `register` file. */
export interface Interpreter {
  readonly processor: 'aarch64' | 'arm';
  /** Its path. */
  readonly program: string;
  readonly flags: string;
}

/** ELF of the processor, `e_machine` last. */
const machines = { aarch64: String.raw`\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00`, arm: String.raw`\x01\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x28\x00` };
const mask = String.raw`\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff`;

// The first words are registrations, as many as $1 says; the others are the command.
const script = `
set -e
count=$1; shift
mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc
names=
while [ "$count" -gt 0 ]; do
  name=tsbuild-test-$$-$count
  printf ':%s:%s' "$name" "$1" > /proc/sys/fs/binfmt_misc/register
  names="$names $name"; shift; count=$((count - 1))
done
status=0
"$@" || status=$?
for name in $names; do echo -1 > "/proc/sys/fs/binfmt_misc/$name"; done
exit "$status"
`;

/** `tsbuild build --progress=rawjson ARGS` with these interpreters. */
export async function buildEmulated(interpreters: readonly Interpreter[], args: readonly string[], options: CallOptions): Promise<RawOutcome> {
  const registrations = interpreters.map(({ processor, program: path, flags }) => String.raw`M::\x7f\x45\x4c\x46${machines[processor]}:${mask}:${path}:${flags}`);
  const command = [process.execPath, program, 'build', '--progress=rawjson', ...args];
  const finished = await runProcess('unshare', ['--mount', 'sh', '-c', script, 'sh', String(registrations.length), ...registrations, ...command], {
    cwd: options.cwd ?? '/', env: callEnvironment(options),
  });
  return { ...parseRawLines(finished.stderr), exitCode: finished.exitCode, stdout: finished.stdout };
}
