/** Goes into a group of a real cgroup2, opens groups for steps there, and prints where it and a step's group then are. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openCgroupsOf } from '../../src/sandbox/cgroup/cgroups.ts';
import { cgroupFiles } from '../../src/sandbox/cgroup/files.ts';
import { noGroupLimits } from '../../src/sandbox/cgroup/group-limits.ts';
import { controllers } from '../../src/sandbox/cgroup/layout.ts';
import { readOwner } from '../../src/sandbox/cgroup/owner.ts';

const [mount = '', own = ''] = process.argv.slice(2);
writeFileSync(join(mount, own, 'cgroup.procs'), String(process.pid));
const layout = { version: 2, hierarchies: [{ controllers, names: [], mount, own }] } as const;
const cgroups = await openCgroupsOf(layout, await readOwner(), cgroupFiles, { limits: noGroupLimits, onWarning: () => undefined });
const group = await cgroups.make();
process.stdout.write(`${/^0::(.*)$/m.exec(readFileSync('/proc/self/cgroup', 'utf8'))?.[1] ?? ''}\n${group.cgroups.files.join(' ')}\n`);
await group.remove();
