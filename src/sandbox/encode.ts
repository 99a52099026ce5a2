/**
 * Encodes operations for the sandbox process; the mirror image of what addon/sandbox/*-operations.cc, privileges.cc and
 * execute.cc read. It decides nothing.
 */
import { invariant, unreachable } from '../base/errors.ts';
import { SpecWriter } from '../native/encoding.ts';
import { writeViewSpec } from '../native/view.ts';
import { resourceNumbers } from './limits.ts';
import { encodeNetworkPrograms } from './network.ts';
import type { CapabilitySet, MountAttribute, Namespace, Operation, Place } from './operation.ts';

/** CLONE_NEW* of linux/sched.h. */
const namespaceFlags: Readonly<Record<Namespace, number>> = {
  mount: 0x00020000,
  uts: 0x04000000,
  ipc: 0x08000000,
  pid: 0x20000000,
  network: 0x40000000,
  time: 0x00000080,
};

/** MOUNT_ATTR_* of linux/mount.h. */
const attributeFlags: Readonly<Record<MountAttribute, number>> = { ro: 0x1, nosuid: 0x2, nodev: 0x4, noexec: 0x8, strictatime: 0x20, mapped: 0x100000 };

type AfterClone = Exclude<Operation, { readonly operation: 'clone' }>;

/** The order of kOperations in addon/sandbox/operations.cc, from 1. */
const codes: Readonly<Record<AfterClone['operation'], number>> = {
  'set host name': 1,
  'bring loopback up': 2,
  'mount view': 3,
  'mount': 4,
  'bind': 5,
  'mask': 6,
  'protect': 7,
  'make directory': 8,
  'make device': 9,
  'make link': 10,
  'make file': 11,
  'connect output': 12,
  'pivot root': 13,
  'change directory': 14,
  'join session keyring': 15,
  'limit': 16,
  'set file mode mask': 17,
  'scope abstract sockets': 18,
  'drop bounding capabilities': 19,
  'install seccomp filter': 20,
  'become user': 21,
  'set capabilities': 22,
  'exec': 23,
  'open tree': 24,
  'make read-only': 25,
  'make user namespace': 26,
  'enter user namespace': 27,
  'set kernel parameter': 28,
  'open aside': 29,
  'place directory': 30,
  'place file': 31,
  'place copy': 32,
  'lend': 33,
  'supervise': 34,
  'confine to root': 35,
  'change root': 36,
};

const allBits = 0xffff_ffff_ffff_ffffn;

/**
 * The specification of a run job: the clone first, then the others.
 * @throws TsbuildError `LAYERS_TOO_MANY`
 */
export function encodeOperations(operations: readonly Operation[]): Buffer {
  const writer = new SpecWriter();
  const [clone, ...rest] = operations;
  invariant(clone?.operation === 'clone', 'a plan begins with clone');
  writer.u64(clone.namespaces.reduce((flags, namespace) => flags + namespaceFlags[namespace], 0));
  encodeNetworkPrograms(writer, clone.networkPrograms).boolean(clone.networkReusable).strings(clone.cgroupFiles);
  writer.u32(rest.length);
  for (const operation of rest) {
    invariant(operation.operation !== 'clone', 'a plan has one clone');
    writer.u8(codes[operation.operation]);
    encodeFields(writer, operation);
  }
  return writer.finish();
}

function encodeFields(writer: SpecWriter, operation: AfterClone): void {
  switch (operation.operation) {
    case 'bring loopback up':
    case 'join session keyring':
    case 'scope abstract sockets':
    case 'enter user namespace':
    case 'supervise':
      return;
    case 'open aside':
    case 'place directory':
    case 'place file':
    case 'place copy':
    case 'lend':
    case 'confine to root':
    case 'change root':
      return encodePlacing(writer, operation);
    case 'mount view':
    case 'open tree':
    case 'mount':
    case 'bind':
    case 'mask':
    case 'protect':
    case 'make read-only':
    case 'pivot root':
      return encodeMounting(writer, operation);
    case 'make directory':
    case 'make device':
    case 'make link':
    case 'make file':
    case 'set kernel parameter':
      return encodeFile(writer, operation);
    default:
      return encodeProcess(writer, operation);
  }
}

type Mounting = Extract<AfterClone, { readonly operation: 'mount view' | 'open tree' | 'mount' | 'bind' | 'mask' | 'protect' | 'make read-only' | 'pivot root' }>;
type FileMaking = Extract<AfterClone, { readonly operation: 'make directory' | 'make device' | 'make link' | 'make file' | 'set kernel parameter' }>;
type Placing = Extract<AfterClone, { readonly operation: 'open aside' | 'place directory' | 'place file' | 'place copy' | 'lend' | 'confine to root' | 'change root' }>;
type Bare = Extract<AfterClone, { readonly operation: 'bring loopback up' | 'join session keyring' | 'scope abstract sockets' | 'enter user namespace' | 'supervise' }>;

function encodePlacing(writer: SpecWriter, operation: Placing): void {
  switch (operation.operation) {
    case 'open aside':
      writer.bytes(operation.path);
      return;
    case 'place directory':
      encodePlace(writer, operation.at);
      writer.u32(operation.mode).boolean(operation.modeOfTarget).bytes(operation.as ?? '');
      return;
    case 'place file':
      encodePlace(writer, operation.at);
      writer.bytes(operation.content).u32(operation.mode).u32(operation.uid).u32(operation.gid);
      return;
    case 'place copy':
    case 'lend':
      encodePlace(writer, operation.from);
      return encodePlace(writer, operation.at);
    case 'confine to root':
    case 'change root':
      writer.bytes(operation.to);
      return;
    default:
      unreachable(operation);
  }
}

function encodeMounting(writer: SpecWriter, operation: Mounting): void {
  switch (operation.operation) {
    case 'mount view':
      writer.bytes(operation.as);
      writeViewSpec(writer, operation.view);
      writer.boolean(operation.userxattr);
      return encodeAttributes(writer, operation.attributes);
    case 'open tree':
      writer.bytes(operation.as).bytes(operation.path);
      return;
    case 'mount':
      writer.bytes(operation.type).u32(operation.options.length);
      for (const [key, value] of operation.options) writer.bytes(key).bytes(value);
      encodeAttributes(writer, operation.attributes);
      writer.bytes(operation.as ?? '');
      encodePlace(writer, operation.at ?? { in: '', path: '' });
      writer.boolean(operation.modeOfTarget ?? false).boolean(operation.optional ?? false);
      return;
    case 'bind':
      encodePlace(writer, operation.from);
      encodePlace(writer, operation.at);
      encodeAttributes(writer, operation.attributes);
      writer.boolean(operation.recursive ?? false).bytes(operation.as ?? '');
      return;
    case 'mask':
      writer.bytes(operation.in).strings(operation.paths);
      encodePlace(writer, operation.file);
      return encodePlace(writer, operation.directory);
    case 'protect':
      writer.bytes(operation.in).strings(operation.paths);
      return;
    case 'make read-only':
      writer.bytes(operation.in);
      return;
    case 'pivot root':
      writer.bytes(operation.to);
      return;
    default:
      unreachable(operation);
  }
}

function encodeFile(writer: SpecWriter, operation: FileMaking): void {
  encodePlace(writer, operation.at);
  switch (operation.operation) {
    case 'make directory':
      writer.u32(operation.mode);
      return;
    case 'make device':
      writer.u32(operation.mode).u32(operation.major).u32(operation.minor);
      return;
    case 'make link':
      writer.bytes(operation.target);
      return;
    case 'set kernel parameter':
      writer.bytes(operation.value);
      return;
    case 'make file':
      writer.bytes(operation.content).u32(operation.mode).u32(operation.uid).u32(operation.gid);
      return;
    default:
      unreachable(operation);
  }
}

function encodeProcess(writer: SpecWriter, operation: Exclude<AfterClone, Mounting | FileMaking | Placing | Bare>): void {
  switch (operation.operation) {
    case 'set host name':
      writer.bytes(operation.name);
      return;
    case 'make user namespace':
      writer.bytes(operation.uidMap).bytes(operation.gidMap).u32(operation.root.uid).u32(operation.root.gid);
      return;
    case 'connect output':
      encodePlace(writer, operation.input);
      writer.u32(operation.uid).u32(operation.gid);
      return;
    case 'change directory':
      writer.bytes(operation.path);
      return;
    case 'limit':
      writer.u32(resourceNumber(operation.resource)).bytes(operation.resource);
      writer.u64(operation.soft ?? allBits).u64(operation.hard ?? allBits).boolean(operation.asked);
      return;
    case 'set file mode mask':
      writer.u32(operation.mask);
      return;
    case 'drop bounding capabilities':
    case 'set capabilities':
      writer.u64(capabilityMask(operation.keep));
      return;
    case 'install seccomp filter':
      writer.bytes(operation.program);
      return;
    case 'become user':
      writer.u32(operation.uid).u32(operation.gid).boolean(operation.groups !== null).u32(operation.groups?.length ?? 0);
      for (const group of operation.groups ?? []) writer.u32(group);
      return;
    case 'exec':
      writer.strings(operation.argv).strings(operation.env);
      return;
    default:
      unreachable(operation);
  }
}

function encodePlace(writer: SpecWriter, place: Place): void {
  writer.bytes(place.in).bytes(place.path);
}

function encodeAttributes(writer: SpecWriter, attributes: readonly MountAttribute[]): void {
  writer.u64(attributes.reduce((flags, attribute) => flags | attributeFlags[attribute], 0));
}

function capabilityMask(set: CapabilitySet): bigint {
  return set === 'all' ? allBits : set.reduce((mask, capability) => mask | (1n << BigInt(capability)), 0n);
}

function resourceNumber(name: string): number {
  const entry = Object.entries(resourceNumbers).find(([candidate]) => candidate === name);
  invariant(entry !== undefined, `limit ${name} has no number`);
  return entry[1];
}
