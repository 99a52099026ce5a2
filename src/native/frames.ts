/**
 * Cuts the bytes of the reply pipe into frames (addon/sandbox/report.cc). It does not know what the frames mean.
 */
import { invariant } from '../base/errors.ts';
import { FrameReader } from './encoding.ts';

/** The kinds of frames; the numbers are those of addon/sandbox/job.h. */
export const FrameType = { Succeeded: 1, Failed: 2, Started: 3, Exited: 4, Warning: 5 } as const;
export type FrameType = (typeof FrameType)[keyof typeof FrameType];

/** One reply: which job it is of, its kind, and what it says. */
export interface Frame {
  readonly id: number;
  readonly type: FrameType;
  readonly body: FrameReader;
}

const lengthBytes = 4;
const headBytes = 6;
/** PIPE_BUF: what the kernel writes to a pipe in one piece. */
const frameBytesMax = 4096;

/** Collects bytes until frames are whole. */
export class FrameCutter {
  #rest: Buffer = Buffer.alloc(0);

  /** The frames that these bytes complete, in order. */
  push(chunk: Buffer): Frame[] {
    let rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const frames: Frame[] = [];
    while (rest.length >= lengthBytes) {
      const length = rest.readUInt32LE();
      invariant(length >= headBytes && length <= frameBytesMax, 'the sandbox process sent a frame of impossible length');
      if (rest.length < lengthBytes + length) break;
      frames.push(readFrame(rest.subarray(lengthBytes, lengthBytes + length)));
      rest = rest.subarray(lengthBytes + length);
    }
    this.#rest = rest;
    return frames;
  }
}

function readFrame(bytes: Buffer): Frame {
  // The number comes from our own C++; an unknown one is ignored by whoever switches over it.
  return { id: bytes.readUInt32LE(), type: bytes.readUInt16LE(4) as FrameType, body: new FrameReader(bytes.subarray(headBytes)) };
}
