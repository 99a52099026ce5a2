/**
 * `--add-host NAME:host-gateway`: the address at which a step reaches this machine. It is looked up when the step runs
 * and is in no key. Start at `resolveHostGateway`.
 */
import { readFile } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { TsbuildError, errnoCode } from '../base/errors.ts';
import type { ExtraHost, NetworkProgram, StepNetwork } from '../sandbox/network.ts';
import { hostGateway } from './build-request.ts';

/** What a step is connected by, and the lines of its /etc/hosts. */
export interface StepNetworking {
  readonly kind: StepNetwork;
  readonly programs: readonly NetworkProgram[];
}

/** An address of this machine, as `networkInterfaces` of node:os has it. */
export interface InterfaceAddress {
  readonly address: string;
  readonly family: string;
  readonly internal: boolean;
}

/**
 * Puts addresses in the place of `host-gateway`, and leaves only programs behind which that address is this machine.
 * On the host's network, and without any, it is the loopback: the machine's, or the step's own. Isolated, it is the
 * machine's outward address: what listens there, or on all addresses, answers; what listens on 127.0.0.1 alone stays
 * closed off. Behind pasta a step bears that address itself, so slirp4netns is needed.
 * @throws TsbuildError `HOST_GATEWAY_UNAVAILABLE`, class machine
 */
export async function resolveHostGateway(
  networking: StepNetworking,
  hosts: readonly ExtraHost[],
  findOutward: () => Promise<string | null> = findOutwardAddress,
): Promise<StepNetworking & { readonly hosts: readonly ExtraHost[] }> {
  const wanted = hosts.find(({ address }) => address === hostGateway);
  if (wanted === undefined) return { ...networking, hosts };
  const withAddress = (address: string): readonly ExtraHost[] => hosts.map((host) => (host.address === hostGateway ? { ...host, address } : host));
  if (networking.kind !== 'isolated') return { ...networking, hosts: withAddress('127.0.0.1') };
  const programs = networking.programs.filter(({ name }) => name === 'slirp4netns');
  if (programs.length === 0) throw unavailable(wanted.name, 'pasta does not lead to this machine', 'Install slirp4netns, or build with --network host.');
  const outward = await findOutward();
  if (outward === null) throw unavailable(wanted.name, 'this machine has no IPv4 address but its loopback', 'Build with --network host, or give an address.');
  return { kind: 'isolated', programs, hosts: withAddress(outward) };
}

function unavailable(name: string, cause: string, hint: string): TsbuildError {
  return new TsbuildError('machine', 'HOST_GATEWAY_UNAVAILABLE', `add host ${JSON.stringify(`${name}:${hostGateway}`)}: ${cause}`, { hint });
}

async function findOutwardAddress(): Promise<string | null> {
  return chooseOutward(networkInterfaces(), await readRoutes());
}

async function readRoutes(): Promise<string> {
  try {
    return await readFile('/proc/net/route', 'utf8');
  } catch (error) {
    if (errnoCode(error) === 'ENOENT') return '';
    throw error;
  }
}

/**
 * The IPv4 address of the interface of the default route, else the first that is no loopback; null where there is none.
 * @param routes the text of /proc/net/route: interface, destination, … and in the eighth column the mask, in hexadecimal
 */
export function chooseOutward(interfaces: Readonly<Record<string, readonly InterfaceAddress[] | undefined>>, routes: string): string | null {
  const lines = routes.split('\n').map((line) => line.trim().split(/\s+/));
  const preferred = lines.find(([, destination, , , , , , mask]) => destination === '00000000' && mask === '00000000')?.[0];
  const order = [...(preferred === undefined ? [] : [preferred]), ...Object.keys(interfaces)];
  const outward = order.flatMap((name) => interfaces[name] ?? []).find(({ family, internal }) => family === 'IPv4' && !internal);
  return outward?.address ?? null;
}
