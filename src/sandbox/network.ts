/**
 * The network of a RUN step, decided: which programs can connect an isolated step, and what its /etc/resolv.conf and
 * /etc/hosts say. Starting and ending the programs is `addon/sandbox/network.cc`'s; falling back to the host's network
 * is the caller's. Start at `detectNetwork`.
 */
import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { isIP } from 'node:net';
import { isAbsolute, join } from 'node:path';
import { TsbuildError } from '../base/errors.ts';
import type { SpecWriter } from '../native/encoding.ts';

/** A program that connects a network namespace to the host's network in user mode, and how it is started. */
export interface NetworkProgram {
  readonly name: 'slirp4netns' | 'pasta';
  /** The absolute path of the program, then its arguments. */
  readonly argv: readonly [path: string, ...args: string[]];
  /** `byte`: it writes to descriptor 4 when the network is usable. `background`: its first process ends with 0 then. */
  readonly readyBy: 'byte' | 'background';
  readonly startLimitMs: number;
}

/** What there is for isolated networks. The programs are tried in this order: the first that works is used. */
export type NetworkDetection =
  | { readonly kind: 'found'; readonly programs: readonly [NetworkProgram, ...NetworkProgram[]] }
  | { readonly kind: 'absent'; readonly reason: string; readonly install: string };

/** Where the program finds the step's network namespace (`kNetnsPath` in addon/sandbox/network.h). */
const netnsPath = '/dev/shm/netns';
/** What a step's resolv.conf says, and where both programs answer DNS for the host's resolvers, loopback ones included. */
const resolverAddress = '10.0.2.3';
const tunDevice = '/dev/net/tun';
/** The largest segment that the programs take; fewer, larger packets cost less. */
const mtu = '65520';

/** Started in 5 ms here; a machine under load gets time. Debian 12's pasta hangs in some set-ups: it gets less. */
const startLimitMs = { slirp4netns: 10_000, pasta: 5_000 } as const;

/**
 * Finds the programs for isolated networks in a search path, slirp4netns before pasta. It looks for executable files
 * and starts none: whether one works is seen when the first step needs it, so that a cached build pays nothing.
 * @param searchPath directories separated by colons, as in PATH; relative ones are ignored
 * @param isRootless whether the programs have no more rights than this process to the device that both need
 */
export async function detectNetwork(searchPath: string, isRootless = false): Promise<NetworkDetection> {
  if (isRootless && !(await isOpen(tunDevice))) {
    return { kind: 'absent', reason: `user-mode networking needs ${tunDevice}, which this user cannot open`, install: `As root: chmod 666 ${tunDevice}, as udev does it.` };
  }
  const [slirp4netns, pasta] = await Promise.all([findProgram('slirp4netns', searchPath), findProgram('pasta', searchPath)]);
  const [first, ...rest] = [
    ...(slirp4netns === undefined ? [] : [slirpProgram(slirp4netns, true), slirpProgram(slirp4netns, false)]),
    ...(pasta === undefined ? [] : [pastaProgram(pasta)]),
  ];
  if (first !== undefined) return { kind: 'found', programs: [first, ...rest] };
  return { kind: 'absent', reason: 'no program for user-mode networking was found', install: 'Install slirp4netns (or passt, which has pasta), a package of every large distribution.' };
}

function isOpen(path: string): Promise<boolean> {
  return access(path, constants.R_OK | constants.W_OK).then(() => true, () => false);
}

async function findProgram(name: string, searchPath: string): Promise<string | undefined> {
  for (const directory of searchPath.split(':').filter(isAbsolute)) {
    const path = join(directory, name);
    const found = await access(path, constants.X_OK).then(() => stat(path)).catch(() => undefined);
    if (found?.isFile() === true) return path;
  }
  return undefined;
}

/** Confined: it gives up its capabilities, sees an empty file system and lives under a seccomp filter of its own. */
function slirpProgram(path: string, confined: boolean): NetworkProgram {
  const args = [
    '--configure',
    `--mtu=${mtu}`,
    '--disable-host-loopback', // else 10.0.2.2 is the host's 127.0.0.1
    '--netns-type=path',
    '--ready-fd=4',
    ...(confined ? ['--enable-sandbox', '--enable-seccomp'] : []),
    netnsPath,
    'tap0',
  ];
  return { name: 'slirp4netns', argv: [path, ...args], readyBy: 'byte', startLimitMs: startLimitMs.slirp4netns };
}

function pastaProgram(path: string): NetworkProgram {
  const args = [
    '--quiet',
    '--config-net',
    ...['--mtu', mtu],
    '--no-map-gw', // else the gateway's address is the host's 127.0.0.1
    ...['--tcp-ports', 'none', '--udp-ports', 'none', '--tcp-ns', 'none', '--udp-ns', 'none'], // forward no port either way
    ...['--dns-forward', resolverAddress],
    ...['--runas', '0:0'], // as nobody it may not enter the namespace; it drops its capabilities all the same
    '--no-netns-quit',
    ...['--netns', netnsPath],
  ];
  return { name: 'pasta', argv: [path, ...args], readyBy: 'background', startLimitMs: startLimitMs.pasta };
}

/** Writes the programs as `readNetworkPrograms` in addon/sandbox/network.cc reads them. */
export function encodeNetworkPrograms(writer: SpecWriter, programs: readonly NetworkProgram[]): SpecWriter {
  writer.u32(programs.length);
  for (const program of programs) {
    writer.u8(program.readyBy === 'byte' ? 0 : 1).u32(program.startLimitMs).strings(program.argv);
  }
  return writer;
}

/**
 * What a step's network is: `isolated` is a namespace with a user-mode program, `host` the host's own, `none` a
 * namespace with only the loopback.
 */
export type StepNetwork = 'none' | 'host' | 'isolated';

/**
 * The text of a step's /etc/resolv.conf. Isolated: the program's resolver with the host's search list and options.
 * Host: the host's, as it is. None: a fixed text, so that the file cannot make a build differ.
 */
export function resolvConfFor(network: StepNetwork, hostResolvConf: string): string {
  switch (network) {
    case 'host':
      return hostResolvConf;
    case 'none':
      return '# This step has no network.\n';
    case 'isolated': {
      const kept = hostResolvConf.split('\n').map((line) => line.trim()).filter((line) => /^(search|domain|options)\s/.test(line));
      return [`nameserver ${resolverAddress}`, ...kept, ''].join('\n');
    }
  }
}

/** One `--add-host`. */
export interface ExtraHost {
  readonly name: string;
  /** IPv4 or IPv6, without brackets. */
  readonly address: string;
}

/**
 * The text of a step's /etc/hosts, the same as BuildKit's.
 * @throws TsbuildError `INVALID_HOST` for a name or address that would make another line or field
 */
export function hostsFor(extraHosts: readonly ExtraHost[], hostname: string): string {
  const extra = extraHosts.map(({ name, address }) => {
    if (/^[^\s#]+$/.test(name) && isIP(address) !== 0) return `${address}\t${name}`;
    throw new TsbuildError('usage', 'INVALID_HOST', `add host ${JSON.stringify(`${name}:${address}`)}: not a host name and an IP address`, {
      hint: 'Write --add-host NAME:ADDRESS, for example --add-host db:10.0.0.7.',
    });
  });
  return [`127.0.0.1\tlocalhost ${hostname}`, '::1\tlocalhost ip6-localhost ip6-loopback', ...extra, ''].join('\n');
}
