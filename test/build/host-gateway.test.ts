/** --add-host NAME:host-gateway: which address a step is given, and when there is none (SEMANTICS A6, 79). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chooseOutward, resolveHostGateway, type StepNetworking } from '../../src/build/host-gateway.ts';
import type { NetworkProgram } from '../../src/sandbox/network.ts';

const program = (name: NetworkProgram['name']): NetworkProgram => ({ name, argv: [`/bin/${name}`], readyBy: 'byte', startLimitMs: 1 });
const hosts = [{ name: 'a', address: '1.2.3.4' }, { name: 'me', address: 'host-gateway' }];

async function addressOf(networking: StepNetworking, outward: string | null): Promise<string> {
  const resolved = await resolveHostGateway(networking, hosts, () => Promise.resolve(outward));
  return [...resolved.hosts.map(({ address }) => address), ...resolved.programs.map(({ name }) => name)].join(' ');
}

test('A6.79 host-gateway is the loopback without a network of its own, and the outward address behind slirp4netns alone', async () => {
  assert.equal(await addressOf({ kind: 'host', programs: [] }, null), '1.2.3.4 127.0.0.1');
  assert.equal(await addressOf({ kind: 'none', programs: [] }, null), '1.2.3.4 127.0.0.1');
  assert.equal(await addressOf({ kind: 'isolated', programs: [program('slirp4netns'), program('pasta')] }, '192.0.2.7'), '1.2.3.4 192.0.2.7 slirp4netns');
});

test('A6.79 host-gateway is refused with what to do where a step cannot reach this machine', async () => {
  await assert.rejects(addressOf({ kind: 'isolated', programs: [program('pasta')] }, '192.0.2.7'), { code: 'HOST_GATEWAY_UNAVAILABLE', errorClass: 'machine', message: 'add host "me:host-gateway": pasta does not lead to this machine' });
  await assert.rejects(addressOf({ kind: 'isolated', programs: [program('slirp4netns')] }, null), { code: 'HOST_GATEWAY_UNAVAILABLE', hint: 'Build with --network host, or give an address.' });
});

test('without host-gateway nothing is looked up and no program is left out', async () => {
  const networking = { kind: 'isolated', programs: [program('pasta')] } as const;
  const resolved = await resolveHostGateway(networking, hosts.slice(0, 1), () => assert.fail('looked up'));
  assert.deepEqual(resolved, { ...networking, hosts: hosts.slice(0, 1) });
});

test('the outward address is that of the default route, else the first that is no loopback', () => {
  const address = (text: string, family = 'IPv4', internal = false): readonly { address: string; family: string; internal: boolean }[] => [{ address: text, family, internal }];
  const interfaces = { lo: address('127.0.0.1', 'IPv4', true), six: address('fd00::1', 'IPv6'), docker0: address('172.17.0.1'), eth0: address('192.0.2.2') };
  const head = 'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n';
  const local = 'docker0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0   \n';
  const check = (routes: string, expected: string | null, of: Parameters<typeof chooseOutward>[0] = interfaces): void => assert.equal(chooseOutward(of, routes), expected);
  check(`${head}${local}eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0   \n`, '192.0.2.2');
  check(`${head}vpn\t00000000\t010200C0\t0003\t0\t0\t0\t00000080\t0\t0\t0   \n`, '172.17.0.1'); // half of all addresses is no default
  check(`${head}gone\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0   \n`, '172.17.0.1');
  check('', '172.17.0.1');
  check('', null, { lo: interfaces.lo, six: interfaces.six });
});
