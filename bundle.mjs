// Makes dist/: the program, the library in both module formats, and the worker of gzip; `--types` adds declarations.
// It runs in `npm test`, so it takes well under a second; type checking is `npm run types`.
// Nothing native is bundled: the addon is loaded at run time by createRequire.
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = dirname(fileURLToPath(import.meta.url));
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

const shared = {
  absWorkingDir: root,
  bundle: true,
  platform: 'node',
  target: 'node20.19',
  // White space and syntax only: names stay readable in stack traces, and classes keep theirs.
  minifyWhitespace: true,
  minifySyntax: true,
  minifyIdentifiers: false,
  keepNames: false,
  charset: 'utf8',
  legalComments: 'none',
  logLevel: 'warning',
  external: ['*.node'],
};

// undici is half of everything and only talks to registries: a file of its own, so that a cached build never reads it.
const undiciApart = {
  name: 'undici-apart',
  setup({ onResolve }) {
    onResolve({ filter: /^undici$/ }, ({ kind }) => (kind === 'entry-point' ? undefined : { path: './undici.cjs', external: true }));
  },
};

// The system call filters of steps, compiled now: the program needs neither the compiler nor its tables.
async function compileStepFilters() {
  const { outputFiles: [file] } = await build({ ...shared, format: 'esm', entryPoints: ['src/sandbox/step-filter.ts'], write: false });
  const { stepFilter } = await import(`data:text/javascript;base64,${Buffer.from(file.contents).toString('base64')}`);
  const compile = (isolation) => Object.fromEntries(['x64', 'arm64'].map((name) => [name, Buffer.from(stepFilter(name, isolation)).toString('base64')]));
  return { namespaces: compile('namespaces'), chroot: compile('chroot') };
}
const contents = `const filters=${JSON.stringify(await compileStepFilters())};export const stepFilter=(name,isolation='namespaces')=>Buffer.from(filters[isolation][name],'base64');`;
const stepFiltersCompiled = {
  name: 'step-filters-compiled',
  setup({ onLoad }) {
    onLoad({ filter: /\/src\/sandbox\/step-filter\.ts$/ }, () => ({ contents, loader: 'js' }));
  },
};

// In CommonJS there is no import.meta; the banner computes the same URL from the file's name.
const commonjs = {
  ...shared,
  format: 'cjs',
  define: { TSBUILD_VERSION: JSON.stringify(version), 'import.meta.url': 'tsbuildBundleUrl' },
  plugins: [undiciApart, stepFiltersCompiled],
  // import() of what is not bundled becomes require(), which finds every name that a CommonJS module exports.
  supported: { 'dynamic-import': false },
};
const urlOfBundle = `const tsbuildBundleUrl=require('node:url').pathToFileURL(__filename).href;`;
// In ES modules there is no require; bundled CommonJS packages need one for Node's own modules.
const esm = {
  ...shared,
  format: 'esm',
  define: { TSBUILD_VERSION: JSON.stringify(version) },
  plugins: [stepFiltersCompiled],
  banner: { js: `import{createRequire as tsbuildCreateRequire}from'node:module';const require=tsbuildCreateRequire(import.meta.url);` },
};

const targets = [
  { ...commonjs, entry: 'src/cli/main.ts', outfile: 'dist/tsbuild.cjs', banner: { js: `#!/usr/bin/env node\n${urlOfBundle}` } },
  { ...commonjs, entry: 'src/layer/gzip-worker.ts', outfile: 'dist/gzip-worker.cjs', banner: { js: urlOfBundle } },
  { ...commonjs, entry: 'src/index.ts', outfile: 'dist/index.cjs', banner: { js: urlOfBundle } },
  { ...esm, entry: 'src/index.ts', outfile: 'dist/index.mjs' },
  { ...shared, format: 'cjs', entry: 'node_modules/undici/index.js', outfile: 'dist/undici.cjs' },
].filter(({ entry }) => existsSync(join(root, entry)));

await Promise.all(targets.map(({ entry, ...options }) => build({ ...options, entryPoints: [entry] })));
chmodSync(join(root, 'dist/tsbuild.cjs'), 0o755);

if (process.argv.includes('--sizes')) {
  for (const { outfile } of targets) console.log(`${outfile} ${(statSync(join(root, outfile)).size / 1024).toFixed(0)} KiB`);
}
if (process.argv.includes('--types') || process.env.npm_lifecycle_event === 'prepare') writeTypes();

// Declarations of the library. tsc takes seconds, so only a release or `--types` asks for them.
function writeTypes() {
  if (!existsSync(join(root, 'src/index.ts'))) return;
  const config = {
    extends: '../tsconfig.json',
    compilerOptions: { noEmit: false, declaration: true, emitDeclarationOnly: true, rootDir: '../src', outDir: './types' },
    include: [],
    files: ['../src/index.ts'],
  };
  mkdirSync(join(root, 'dist'), { recursive: true });
  const file = join(root, 'dist/tsconfig.types.json');
  writeFileSync(file, JSON.stringify(config, null, 2));
  execFileSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', file], { stdio: 'inherit' });
}
