/** Messages of the agent protocol on a socket: a length of four bytes, then so many (draft-ietf-sshm-ssh-agent, section 3). */
import type { Socket } from 'node:net';
import { TsbuildError } from '../../base/errors.ts';
import { u32 } from './wire.ts';

/** As in OpenSSH's agent (AGENT_MAX_LEN). */
const messageSizeMax = 256 * 1024;
const lengthBytes = 4;

/**
 * The messages that come in, without their length. The socket is read no faster than messages are taken.
 * @throws TsbuildError `SSH_INVALID` for one that is empty or too long; the socket's error
 */
export async function* readMessages(socket: Socket): AsyncGenerator<Buffer> {
  let held: Buffer = Buffer.alloc(0);
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    held = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
    for (let size = sizeOf(held); size !== null && held.length >= lengthBytes + size; size = sizeOf(held)) {
      yield held.subarray(lengthBytes, lengthBytes + size);
      held = held.subarray(lengthBytes + size);
    }
  }
}

function sizeOf(held: Buffer): number | null {
  if (held.length < lengthBytes) return null;
  const size = held.readUInt32BE();
  if (size === 0 || size > messageSizeMax) throw new TsbuildError('machine', 'SSH_INVALID', `ssh agent: a message of ${size} bytes`);
  return size;
}

/** Resolves when the message is on its way. */
export function writeMessage(socket: Socket, content: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.write(Buffer.concat([u32(content.length), content]), (error) => (error === undefined || error === null ? resolve() : reject(error)));
  });
}
