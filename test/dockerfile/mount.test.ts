import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import fc from 'fast-check';
import { TsbuildError } from '../../src/base/errors.ts';
import { readDevice } from '../../src/dockerfile/device.ts';
import { checkMountSyntax, mountFrom, parseMount } from '../../src/dockerfile/mount.ts';
import { assertProperty } from '../support/property.ts';

function check(value: string, expected: object): void {
  assert.deepEqual(parseMount(value), expected, value);
}

/** The code and, if expected, the hint. */
function refuse(read: () => unknown, code: string, hint?: RegExp): void {
  assert.throws(read, (error) => {
    assert.ok(error instanceof TsbuildError, String(error));
    assert.equal(error.code, code);
    if (hint !== undefined) assert.match(error.hint ?? '', hint);
    return true;
  });
}

const bind = { type: 'bind', target: '/x', readOnly: true };
const cache = { type: 'cache', target: '/c', id: '/c', sharing: 'shared', readOnly: false };
const secret = { type: 'secret', id: 's', target: '/run/secrets/s', required: false, mode: 0o400, uid: 0, gid: 0 };
const ssh = { type: 'ssh', id: 'default', required: false, mode: 0o600, uid: 0, gid: 0 };

test('parseMount reads bind mounts, which are the default', () => {
  check('target=/x', bind);
  check('type=bind,dst=/x,ro', bind);
  check('type=BIND,destination=/x,src=a,from=b,rw', { ...bind, source: 'a', from: 'b', readOnly: false });
  check('type=bind,target=/x,readwrite=false', bind);
  check('type=bind,"source=a,b",target=/x', { ...bind, source: 'a,b' });
  check('type=bind,"source=a""b",target=/x', { ...bind, source: 'a"b' });
  check('type=bind', { ...bind, target: '' });
});

test('parseMount reads cache mounts', () => {
  check('type=cache,target=/c', cache);
  check('type=cache,target=/c/../d//', { ...cache, target: '/c/../d//', id: '/d' });
  check('type=cache,target=.', { ...cache, target: '.', id: '.' });
  check('type=cache,target=/c,id=i,sharing=LOCKED,ro,from=b,source=/s,mode=0700,uid=1,gid=2',
    { ...cache, id: 'i', sharing: 'locked', readOnly: true, from: 'b', source: '/s', mode: 0o700, uid: 1, gid: 2 });
});

test('parseMount reads tmpfs mounts', () => {
  check('type=tmpfs,target=/t', { type: 'tmpfs', target: '/t', readOnly: false });
  check('type=tmpfs,target=/t,size=64m', { type: 'tmpfs', target: '/t', readOnly: false, sizeBytes: 64 * 1024 ** 2 });
  for (const [size, bytes] of [['1', 1], ['1b', 1], ['1k', 1024], ['1KiB', 1024], ['1.5 gb', 1.5 * 1024 ** 3], ['.5k', 512], ['1e3', 1000]] as const) {
    check(`type=tmpfs,target=/t,size=${size}`, { type: 'tmpfs', target: '/t', readOnly: false, sizeBytes: bytes });
  }
});

test('parseMount reads secret mounts', () => {
  check('type=secret,id=s', secret);
  check('type=secret,source=s', secret);
  check('type=secret,id=a/s,required', { ...secret, id: 'a/s', required: true });
  check('type=secret,target=/etc/s', { ...secret, target: '/etc/s' });
  check('type=secret,id=s,env=TOKEN', { type: 'secret', id: 's', env: 'TOKEN', required: false, mode: 0o400, uid: 0, gid: 0 });
  check('type=secret,id=s,env=TOKEN,target=/t,required=1,mode=0444,uid=1,gid=2',
    { type: 'secret', id: 's', env: 'TOKEN', target: '/t', required: true, mode: 0o444, uid: 1, gid: 2 });
});

test('parseMount reads ssh mounts', () => {
  check('type=ssh', ssh);
  check('type=ssh,id=k,target=/s,required=true,mode=0666', { ...ssh, id: 'k', target: '/s', required: true, mode: 0o666 });
});

test('parseMount expands values one by one, so that a comma stays in its field', () => {
  const expand = (text: string): string => text.replace('$V', 'a,b');
  assert.deepEqual(parseMount('type=bind,source=$V,target=/x', expand), { ...bind, source: 'a,b' });
});

test('parseMount refuses what BuildKit refuses', () => {
  const table: readonly (readonly [string, string, RegExp?])[] = [
    ['', 'CSV'], ['type=bind,"source=a', 'CSV'], ['type=bind,sou"rce=a', 'CSV'], ['type=bind,"a"b', 'CSV'],
    ['type=bnd,target=/x', 'MOUNT_TYPE', /Did you mean bind\?/], ['type=volume', 'MOUNT_TYPE', /Known are bind/],
    ['type=cache,target=/x,sharing=lockd', 'MOUNT_TYPE', /locked/],
    ['type=bind,tarlet=/x', 'MOUNT_KEY', /Did you mean target\?/], ['type=bind,target', 'MOUNT_KEY'], ['__proto__=1', 'MOUNT_KEY'], ['type=bind,', 'MOUNT_KEY'],
    ['size=1,type=tmpfs,target=/t', 'MOUNT_KEY', /type=tmpfs before/], ['type=bind,target=/x,required', 'MOUNT_KEY'],
    ['type=tmpfs,target=/t,size=x', 'MOUNT_VALUE'], ['type=tmpfs,target=/t,size=1kk', 'MOUNT_VALUE'], ['type=tmpfs,target=/t,size=9e99', 'MOUNT_VALUE'],
    ['type=bind,target=/x,ro=maybe', 'MOUNT_VALUE'], ['type=cache,target=/c,mode=8', 'MOUNT_VALUE'], ['type=cache,target=/c,uid=-1', 'MOUNT_VALUE'],
    ['type=cache,target=/c,gid=4294967296', 'MOUNT_VALUE'], ['type=bind,target=/x,uid=1', 'MOUNT_INVALID'], ['type=tmpfs,target=/x,mode=1', 'MOUNT_INVALID'],
    ['type=secret', 'MOUNT_INVALID'], ['type=secret,id=a,source=b', 'MOUNT_INVALID'], ['type=secret,id=a,from=b', 'MOUNT_INVALID'],
    ['type=secret,id=a,sharing=shared', 'MOUNT_INVALID'], ['type=ssh,source=a', 'MOUNT_INVALID'], ['type=bind,target=/x,sharing=shared', 'MOUNT_INVALID'],
  ];
  for (const [value, code, hint] of table) refuse(() => parseMount(value), code, hint);
});

test('checkMountSyntax refuses variables in from and leaves the rest to parseMount', () => {
  checkMountSyntax('type=$T,target=$X,from=a$');
  checkMountSyntax('nonsense');
  refuse(() => checkMountSyntax('type=bind,from=$X'), 'MOUNT_FROM', /alias/);
  refuse(() => checkMountSyntax('type=bind,FROM=a${X}'), 'MOUNT_FROM');
});

test('mountFrom says what a mount reads from', () => {
  assert.equal(mountFrom('type=bind,from=a,target=/x'), 'a');
  assert.equal(mountFrom('type=bind,target=/x'), undefined);
  assert.equal(mountFrom('type=bind,from=,target=/x'), undefined);
});

test('parseMount throws nothing but TsbuildError', () => {
  const field = fc.tuple(fc.constantFrom('type', 'target', 'size', 'mode', 'uid', 'ro', 'id', 'env', 'sharing', 'from', 'x'), fc.oneof(fc.constantFrom('bind', 'cache', 'tmpfs', 'secret', 'ssh', '1', '/a'), fc.string({ maxLength: 3 })));
  assertProperty(fc.property(fc.array(field, { maxLength: 6 }), (fields) => {
    try {
      parseMount(fields.map(([key, value]) => `${key}=${value}`).join(','));
    } catch (error) {
      assert.ok(error instanceof TsbuildError, String(error));
    }
  }), { numRuns: 500 });
});

test('readDevice reads a name and whether it is required', () => {
  assert.deepEqual(readDevice('vendor.com/device=foo'), { name: 'vendor.com/device=foo', required: false });
  assert.deepEqual(readDevice('vendor.com/device=foo,required'), { name: 'vendor.com/device=foo', required: true });
  assert.deepEqual(readDevice('name=v.com/d=f,required=false'), { name: 'v.com/d=f', required: false });
  refuse(() => readDevice('a,b'), 'DEVICE_FIELD');
  refuse(() => readDevice('a,requird=1'), 'DEVICE_FIELD', /required/);
  refuse(() => readDevice('a,required=x'), 'DEVICE_FIELD');
});
