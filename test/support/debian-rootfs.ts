/**
 * A Debian root file system from the machine's own package sources, with those sources, apt's rules for them and the
 * machine's certificates inside, so that `apt-get` works in a RUN wherever it works outside. Needs root.
 */
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { findProgram } from './needs.ts';
import { packTree } from './pack-tree.ts';
import { mustRun } from './run-process.ts';

/** Where the machine's certificates may be named (as OpenSSL, curl and Node read it) or lie. */
const bundleVariables = ['SSL_CERT_FILE', 'NODE_EXTRA_CA_CERTS', 'CURL_CA_BUNDLE'];
/** The place of the certificates in the image. */
export const imageBundle = '/etc/ssl/certs/ca-certificates.crt';

/** Writes the root file system as a tar. `scratch` is an empty folder. */
export async function makeDebianTar(tar: string, scratch: string): Promise<void> {
  const suite = await readSuite();
  const sources = await readSources();
  const files = await writeMachineFiles(scratch, sources);
  // Files of a package manager belong to _apt (uid 42): the folder on the way must be searchable by it.
  const root = await mkdtemp(join(tmpdir(), 'tsbuild-debian-'));
  try {
    if (findProgram('mmdebstrap') !== undefined) await runMmdebstrap(suite, sources, root);
    else await runDebootstrap(suite, sources, root);
    await installMachineFiles(files, root);
    await packTree({ folder: root, tar, ownedByRoot: false });
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

/** The code name of this machine's release. */
export async function readSuite(): Promise<string> {
  const text = await readFile('/etc/os-release', 'utf8');
  const name = /^VERSION_CODENAME=(\S+)$/m.exec(text)?.[1];
  if (name === undefined) throw new Error('base image: /etc/os-release names no VERSION_CODENAME');
  return name;
}

/** The files in which apt's sources stand, absolute. */
export async function readSources(): Promise<readonly string[]> {
  const folder = '/etc/apt/sources.list.d';
  const names = existsSync(folder) ? await readdir(folder) : [];
  const listed = names.filter((name) => /\.(sources|list)$/.test(name)).sort().map((name) => join(folder, name));
  const all = existsSync('/etc/apt/sources.list') ? ['/etc/apt/sources.list', ...listed] : listed;
  if (all.length === 0) throw new Error('base image: this machine has no apt sources');
  return all;
}

async function runMmdebstrap(suite: string, sources: readonly string[], root: string): Promise<void> {
  const options = await machineAptOptions();
  await mustRun('mmdebstrap', [
    '--variant=minbase', '--mode=root', '--format=directory', '--include=ca-certificates', ...options.map((option) => `--aptopt=${option}`),
    ...['man', 'doc', 'locale', 'info'].map((name) => `--dpkgopt=path-exclude=/usr/share/${name}/*`),
    suite, root, ...sources,
  ], { env: { ...process.env, SOURCE_DATE_EPOCH: '315619200' } });
}

async function runDebootstrap(suite: string, sources: readonly string[], root: string): Promise<void> {
  await mustRun('debootstrap', ['--variant=minbase', '--include=ca-certificates', suite, root, await readMirror(sources)]);
}

/** The address of the first source. */
export async function readMirror(sources: readonly string[]): Promise<string> {
  const texts = await Promise.all(sources.map((file) => readFile(file, 'utf8')));
  const mirror = /(?:^URIs:\s*|^deb\s+(?:\[[^\]]*\]\s+)?)(\S+)/m.exec(texts.join('\n'))?.[1];
  if (mirror === undefined) throw new Error('base image: no mirror in this machine’s apt sources');
  return mirror;
}

// How the machine checks and reaches its sources belongs to them; keys and credentials do not.
async function machineAptOptions(): Promise<readonly string[]> {
  const lines = (await mustRun('apt-config', ['dump', 'Acquire'])).split('\n');
  return lines.filter((line) => /^Acquire::(Check-|Retries|https?::Proxy|https?::Timeout)/.test(line)).map((line) => line.replace(/;$/, ''));
}

type MachineFiles = readonly { readonly from: string; readonly to: string }[];

async function writeMachineFiles(scratch: string, sources: readonly string[]): Promise<MachineFiles> {
  const options = join(scratch, 'apt.conf');
  const rules = [...await machineAptOptions(), 'APT::Install-Recommends "false"', 'Acquire::Languages "none"'];
  await writeFile(options, rules.map((rule) => `${rule};\n`).join(''));
  const bundle = machineBundle();
  return [
    { from: options, to: '/etc/apt/apt.conf.d/90machine' },
    ...sources.map((file) => ({ from: file, to: file })),
    ...(bundle === undefined ? [] : [{ from: bundle, to: imageBundle }]),
  ];
}

/** The file that holds the machine's certificate authorities, if any. */
function machineBundle(): string | undefined {
  return [...bundleVariables.map((name) => process.env[name] ?? ''), imageBundle].find((file) => file !== '' && existsSync(file));
}

async function installMachineFiles(files: MachineFiles, root: string): Promise<void> {
  await rm(join(root, 'etc/apt/sources.list'), { force: true });
  await rm(join(root, 'etc/apt/sources.list.d'), { recursive: true, force: true });
  for (const { from, to } of files) {
    await mkdir(join(root, dirname(to)), { recursive: true });
    await copyFile(from, join(root, to));
  }
  for (const leftover of ['etc/resolv.conf', 'etc/hostname', 'var/cache/apt', 'var/lib/apt/lists', 'var/log', 'dev']) {
    await rm(join(root, leftover), { recursive: true, force: true });
  }
  for (const folder of ['var/cache/apt/archives/partial', 'var/lib/apt/lists/partial', 'var/log', 'dev']) {
    await mkdir(join(root, folder), { recursive: true, mode: 0o755 });
  }
}
