/** Looks for a value everywhere below a folder: as it is, encoded as programs do it, and within what is compressed. */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';

/** The forms in which the value or a digest that gives it away could stand somewhere. */
function formsOf(value: Uint8Array): readonly Buffer[] {
  const bytes = Buffer.from(value);
  const hash = createHash('sha256').update(bytes).digest();
  // Base64 has three alignments; the middle of each is the same whatever stands around the value.
  const aligned = [0, 1, 2].map((shift) => Buffer.concat([Buffer.alloc(shift), bytes]).toString('base64').slice(4, -4));
  return [bytes, hash, ...[bytes.toString('hex'), bytes.toString('hex').toUpperCase(), hash.toString('hex'), hash.toString('base64'), encodeURIComponent(bytes.toString('latin1')), ...aligned].map((text) => Buffer.from(text))];
}

/** What in these bytes gives the value away; null where nothing does. Compressed members are looked into. */
export function findSecretIn(bytes: Buffer, value: Uint8Array): string | null {
  for (const form of formsOf(value)) if (bytes.includes(form)) return form.toString('latin1');
  for (let at = bytes.indexOf(gzipMagic); at >= 0; at = bytes.indexOf(gzipMagic, at + 1)) {
    const plain = gunzip(bytes.subarray(at));
    const found = plain === null ? null : findSecretIn(plain, value);
    if (found !== null) return `compressed: ${found}`;
  }
  return null;
}

const gzipMagic = Buffer.from([0x1f, 0x8b, 0x08]);

function gunzip(bytes: Buffer): Buffer | null {
  try {
    return gunzipSync(bytes, { maxOutputLength: 256 << 20 });
  } catch (error) {
    if (error instanceof Error && 'code' in error) return null; // the three bytes stood there by chance
    throw error;
  }
}

/** The files below a folder, and the names of files, that give the value away. */
export async function findSecret(folder: string, value: Uint8Array): Promise<readonly string[]> {
  const found: string[] = [];
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (findSecretIn(Buffer.from(path), value) !== null) found.push(path);
    if (!entry.isFile()) continue;
    const form = findSecretIn(await readFile(path), value);
    if (form !== null) found.push(`${path}: ${form}`);
  }
  return found;
}
