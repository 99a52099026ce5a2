// Compiles the addon and the static sandbox executable with node-gyp, against the headers that come with this Node,
// so that nothing is downloaded. Run by `npm ci` and `npm run build`; leaves build/Release/{tsbuild.node,tsbuild-sandbox}.
import { execFileSync } from 'node:child_process';
import { existsSync, realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const prefix = dirname(dirname(realpathSync(process.execPath)));
const headers = existsSync(join(prefix, 'include/node/node_api.h')) ? [`--nodedir=${prefix}`] : [];
const nodeGyp = createRequire(import.meta.url).resolve('node-gyp/bin/node-gyp.js');
const command = existsSync(join(root, 'build/Makefile')) && process.argv[2] !== '--clean' ? ['configure', 'build'] : ['rebuild'];
for (const step of command) {
  execFileSync(process.execPath, [nodeGyp, step, ...headers, '--jobs=max', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
}
