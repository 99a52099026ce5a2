// Runs tests with the C++ compiled for AddressSanitizer and UndefinedBehaviorSanitizer: `npm run sanitize [-- filter...]`.
// It works in a copy of the package below the folder for temporary files, so that build/ stays what it is. Any report of a
// sanitizer fails it, also where the test would have passed.
//
// Two things differ from what is shipped: `tsbuild-sandbox` is linked dynamically, because AddressSanitizer cannot be static,
// and the tests run in a copy of Node that loads its library first of all, which it has to. (Preloading it by the environment
// would put it into every shell and compiler that a test starts.)
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism, tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const repository = dirname(dirname(fileURLToPath(import.meta.url)));
// What exercises the C++; the rest of the suite would start the same code again.
const defaultFilters = [
  'test/native/', 'test/layer/apply', 'test/layer/commit', 'test/layer/copy', 'test/layer/pump', 'test/layer/view',
  'test/sandbox/cgroup-steps', 'test/sandbox/hostile-root', 'test/sandbox/isolation', 'test/sandbox/life', 'test/sandbox/mounts',
  'test/sandbox/output', 'test/sandbox/step-user', 'test/security/archives', 'test/security/runtime',
];
const sanitizers = ['-fsanitize=address,undefined', '-fno-sanitize-recover=undefined', '-fno-omit-frame-pointer'];
const common = ['-std=c++20', '-g1', '-O0', '-D_FILE_OFFSET_BITS=64', ...sanitizers];

function copyPackage(folder) {
  for (const name of ['package.json', 'bundle.mjs', 'binding.gyp', 'tsconfig.json', 'src', 'test', 'fixtures', 'addon']) {
    cpSync(join(repository, name), join(folder, name), { recursive: true, verbatimSymlinks: true });
  }
  symlinkSync(join(repository, 'node_modules'), join(folder, 'node_modules'));
  mkdirSync(join(folder, 'build/Release'), { recursive: true });
  mkdirSync(join(folder, 'reports'));
}

const sourcesIn = (folder) => readdirSync(folder).filter((name) => name.endsWith('.cc')).sort().map((name) => join(folder, name));

// The headers that nearly every source of the sandbox process reads, compiled once: half of the time goes into them.
const standardHeaders = ['algorithm', 'functional', 'map', 'memory', 'string', 'string_view', 'vector'];

function precompileHeaders(folder, flags) {
  const header = join(folder, 'standard.h');
  writeFileSync(header, standardHeaders.map((name) => `#include <${name}>\n`).join(''));
  execFileSync('g++', [...common, ...flags, '-x', 'c++-header', header, '-o', `${header}.gch`], { stdio: 'inherit' });
  return ['-include', header];
}

function compile(source, object, flags) {
  return new Promise((resolve, reject) => {
    const compiler = spawn('g++', [...common, ...flags, '-c', source, '-o', object], { stdio: ['ignore', 'inherit', 'inherit'] });
    compiler.on('error', reject);
    compiler.on('close', (code) => (code === 0 ? resolve() : reject(new Error(`g++ ${source}: exit code ${code}`))));
  });
}

// Compiles as many files at once as there are processors.
async function compileAll(jobs) {
  const waiting = [...jobs];
  await Promise.all(Array.from({ length: availableParallelism() }, async () => {
    for (let job = waiting.shift(); job !== undefined; job = waiting.shift()) await compile(...job);
  }));
}

// The sources and flags of binding.gyp, whose two targets these are.
function targets(folder) {
  const nodeHeaders = join(dirname(dirname(realpathSync(process.execPath))), 'include/node');
  const apiHeaders = dirname(createRequire(import.meta.url).resolve('node-addon-api/napi.h'));
  const sandboxFlags = ['-D_GNU_SOURCE', '-fno-exceptions', '-fno-rtti'];
  const reports = `-DTSBUILD_REPORTS="${join(folder, 'reports/sandbox')}"`;
  return [
    { name: 'tsbuild.node', sources: sourcesIn(join(folder, 'addon')), link: ['-shared'],
      flags: ['-fPIC', '-fexceptions', '-DNAPI_VERSION=9', '-DNODE_ADDON_API_CPP_EXCEPTIONS', `-I${nodeHeaders}`, `-I${apiHeaders}`] },
    { name: 'tsbuild-sandbox', sources: [...sourcesIn(join(folder, 'addon/sandbox')), ...sourcesIn(join(folder, 'addon/sanitize'))], link: [],
      flags: [...sandboxFlags, reports, ...precompileHeaders(join(folder, 'build'), [...sandboxFlags, reports])] },
  ];
}

async function build(folder) {
  const objects = mkdtempSync(join(folder, 'build/objects-'));
  const planned = targets(folder).map((target, index) => ({ ...target, jobs: target.sources.map((source, at) => [source, join(objects, `${index}-${at}.o`), target.flags]) }));
  await compileAll(planned.flatMap(({ jobs }) => jobs));
  for (const { name, link, jobs } of planned) {
    execFileSync('g++', [...sanitizers, ...link, ...jobs.map(([, object]) => object), '-o', join(folder, 'build/Release', name)], { stdio: 'inherit' });
  }
}

function runTests(folder, filters) {
  const library = basename(realpathSync(execFileSync('g++', ['-print-file-name=libasan.so'], { encoding: 'utf8' }).trim())).replace(/(\.so\.\d+).*/, '$1');
  const node = join(folder, 'build/node');
  copyFileSync(process.execPath, node);
  execFileSync('patchelf', ['--add-needed', library, node], { stdio: 'inherit' });
  const { status } = spawnSync(node, ['test/run.mjs', ...filters], {
    cwd: folder,
    stdio: 'inherit',
    env: {
      ...process.env,
      ASAN_OPTIONS: `detect_leaks=0:log_path=${join(folder, 'reports/node')}`,
      UBSAN_OPTIONS: `print_stacktrace=1:log_path=${join(folder, 'reports/node')}`,
    },
  });
  return status === 0;
}

function printReports(folder) {
  const reports = readdirSync(join(folder, 'reports'));
  for (const name of reports) console.log(readFileSync(join(folder, 'reports', name), 'utf8').slice(0, 8000));
  return reports.length;
}

const folder = mkdtempSync(join(tmpdir(), 'tsbuild-sanitize-'));
chmodSync(folder, 0o755); // tests of builds without root start it as another user
try {
  copyPackage(folder);
  await build(folder);
  const filters = process.argv.slice(2);
  const passed = runTests(folder, filters.length > 0 ? filters : defaultFilters);
  const reports = printReports(folder);
  console.log(`sanitizers: ${reports} reports`);
  process.exitCode = passed && reports === 0 ? 0 : 1;
} finally {
  if (existsSync(folder)) rmSync(folder, { recursive: true });
}
