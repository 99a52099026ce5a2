/** `node --import=tsx test/support/make-base.ts busybox|debian|node FOLDER` makes a base image as an OCI layout. */
import { resolve } from 'node:path';
import { baseNames, makeBase } from './base-images.ts';

const [word, folder] = process.argv.slice(2);
const name = baseNames.find((known) => known === word);
if (name === undefined || folder === undefined) {
  console.error(`usage: make-base.ts ${baseNames.join('|')} FOLDER`);
  process.exit(2);
}
// Modes in the image come from the recipe alone.
process.umask(0o022);
await makeBase(name, resolve(folder));
