/** A DNS server for tests: every name has the address 10.9.8.7. Prints `ready` when it listens. */
import { createSocket } from 'node:dgram';

const answerSeconds = 60;

/** The question again, with one A record (RFC 1035, section 4). */
function answer(query: Buffer): Buffer {
  const end = query.indexOf(0, 12) + 5;
  const header = Buffer.from(query.subarray(0, 12));
  header.writeUInt16BE(0x8180, 2);
  const isAddress = query.readUInt16BE(end - 4) === 1;
  header.writeUInt16BE(isAddress ? 1 : 0, 6);
  header.fill(0, 8);
  const record = Buffer.from([0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 0, answerSeconds, 0, 4, 10, 9, 8, 7]);
  return Buffer.concat([header, query.subarray(12, end), ...(isAddress ? [record] : [])]);
}

const socket = createSocket('udp4');
socket.on('message', (query, { port, address }) => { socket.send(answer(query), port, address); });
socket.bind(53, '127.0.0.1', () => { process.stdout.write('ready\n'); });
