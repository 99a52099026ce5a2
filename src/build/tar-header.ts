/** Tells archives by their first bytes. */
import { detectCompression } from '../layer/decompress.ts';

/** Bytes of a tar header. */
export const blockBytes = 512;

/** Whether bytes start with a tar header whose checksum is right (POSIX pax, "ustar Header Block"): the sum of its bytes, its own field as blanks. */
export function isTarHeader(bytes: Uint8Array): boolean {
  if (bytes.length < blockBytes) return false;
  const block = bytes.subarray(0, blockBytes);
  const field = Buffer.from(block.subarray(148, 156)).toString('latin1').replace(/[\0 ]+$/, '').trim();
  if (!/^[0-7]+$/.test(field)) return false;
  let sum = 0;
  let signedSum = 0;
  block.forEach((byte, index) => {
    const value = index >= 148 && index < 156 ? 0x20 : byte;
    sum += value;
    signedSum += value > 127 ? value - 256 : value;
  });
  const expected = Number.parseInt(field, 8);
  return sum === expected || signedSum === expected;
}

/** Whether what starts so is an archive, compressed or not: it is then no Dockerfile. */
export function looksLikeArchive(start: Uint8Array): boolean {
  return detectCompression(start) !== 'none' || isTarHeader(start);
}
