/** Where snapshots lie in a store: one folder for each backend. It lists nothing itself. */
import { join } from 'node:path';

/** By backend, below the store's root; in each one folder for each boot. */
export const snapshotFolders: readonly string[] = ['copy', 'directory'].map((backend) => join('snapshots', 'v1', backend));
