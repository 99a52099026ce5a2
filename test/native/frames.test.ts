import assert from 'node:assert/strict';
import { constants } from 'node:os';
import { test } from 'node:test';
import { FrameReader, SpecWriter } from '../../src/native/encoding.ts';
import { failureError, readFailure, type Failure } from '../../src/native/failure.ts';
import { FrameCutter, FrameType } from '../../src/native/frames.ts';

function encodeFrame(id: number, type: number, body: Buffer): Buffer {
  return Buffer.concat([new SpecWriter().u32(body.length + 6).u32(id).u16(type).finish(), body]);
}

test('frames are found wherever the pipe cuts them', () => {
  const bytes = Buffer.concat([encodeFrame(1, FrameType.Started, Buffer.from('ab')), encodeFrame(7, FrameType.Exited, Buffer.alloc(0)), encodeFrame(2, FrameType.Warning, Buffer.alloc(300, 'x'))]);
  for (let size = 1; size <= bytes.length; size++) {
    const cutter = new FrameCutter();
    const frames = [];
    for (let at = 0; at < bytes.length; at += size) frames.push(...cutter.push(bytes.subarray(at, at + size)));
    assert.deepEqual(frames.map(({ id, type }) => [id, type]), [[1, FrameType.Started], [7, FrameType.Exited], [2, FrameType.Warning]]);
  }
});

test('a frame of impossible length is a bug of ours', () => {
  assert.throws(() => new FrameCutter().push(Buffer.from([0xff, 0xff, 0xff, 0xff])), { code: 'INVARIANT' });
});

test('a failure frame is read field by field', () => {
  const body = new SpecWriter().u16(3).u32(constants.errno.ENOENT).bytes('bind').bytes('openat2').bytes('/a').bytes('why').finish();
  assert.deepEqual(readFailure(new FrameReader(body)), { index: 3, errno: 'ENOENT', operation: 'bind', syscall: 'openat2', path: '/a', detail: 'why' });
});

const failure: Failure = { index: 1, errno: 'EPERM', operation: 'mount', syscall: 'fsmount', path: '/p', detail: '' };
function checkMessage(changes: Partial<Failure>, message: string, code: string): void {
  const error = failureError('run step', { ...failure, ...changes });
  assert.equal(error.message, message);
  assert.equal(error.code, code);
}

test('a failure names the work, the operation, its operand and the cause', () => {
  checkMessage({}, 'run step: mount "/p": EPERM: operation not permitted, fsmount', 'SANDBOX_FAILED');
  checkMessage({ path: '', detail: 'said so' }, 'run step: mount: EPERM: operation not permitted, fsmount (said so)', 'SANDBOX_FAILED');
  checkMessage({ syscall: '', detail: 'no good' }, 'run step: mount "/p": no good', 'SANDBOX_FAILED');
  checkMessage({ path: 'a\n\u001b[2J' }, 'run step: mount "a\\n\\u001b[2J": EPERM: operation not permitted, fsmount', 'SANDBOX_FAILED');
});

test('a full disk has a code of its own, and so has a quota', () => {
  checkMessage({ errno: 'ENOSPC' }, 'run step: mount "/p": ENOSPC: no space left on device, fsmount', 'DISK_FULL');
  assert.equal(failureError('x', { ...failure, errno: 'EDQUOT' }).code, 'DISK_FULL');
  assert.notEqual(failureError('x', { ...failure, errno: 'ENOSPC' }).hint, undefined);
});
