/** Archives that got out of other programs' trees, each as a layer of a base image and as an archive that ADD unpacks. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { closeSync, lstatSync, mkdirSync, openSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { TsbuildError } from '../../src/base/errors.ts';
import { applyLayer, extractArchive } from '../../src/layer/layer.ts';
import { startHelper, type Helper } from '../../src/native/helper.ts';
import { asRoot, describeView, diffIDOf, makeTar, temporary, view } from '../layer/support.ts';

let helper: Helper;
before(async () => {
  if (asRoot.skip === false) helper = await startHelper();
});
after(() => helper?.close());

/** `PATH`, `PATH text`, `PATH -> target`, `PATH/`; deleted names as `PATH gone`. */
function list(root: string, below = ''): string[] {
  return readdirSync(join(root, below)).sort().flatMap((name) => {
    const path = below === '' ? name : `${below}/${name}`;
    const stat = lstatSync(join(root, path));
    if (stat.isSymbolicLink()) return [`${path} -> ${readlinkSync(join(root, path))}`];
    if (stat.isDirectory()) return [`${path}/`, ...list(root, path)];
    if (stat.isCharacterDevice() && stat.rdev === 0) return [`${path} gone`];
    return [stat.isFile() ? `${path} ${readFileSync(join(root, path), 'latin1').slice(0, 40)}`.trim() : path];
  });
}

/** Everything about the files of the host that an archive could have changed. */
function stateOf(host: string): string {
  return execFileSync('find', [host, '-printf', '%P %y %m %U:%G %n %s %T@ %C@ %l\\n'], { encoding: 'utf8' }) + execFileSync('sh', ['-c', 'cat file dir/file', 'sh'], { cwd: host, encoding: 'utf8' });
}

interface Expected {
  readonly layer: readonly string[] | string;
  /** The same where it is left out. A text is the code of the refusal. */
  readonly add?: readonly string[] | string;
}

interface Case {
  readonly name: string;
  /** Of `makeTar`; HOST is a directory of the host with `file`, `dir/file` and `dir/sub`. */
  readonly script: string;
  readonly expected: Expected;
}

async function unpackLayer(tar: string, directory: string): Promise<readonly string[] | string> {
  const target = join(directory, 'layer');
  mkdirSync(target);
  const fd = openSync(tar, 'r');
  try {
    await applyLayer(helper, { tarFd: fd, expected: diffIDOf(tar), target: { kind: 'directory', path: target } });
    return list(target);
  } catch (error) {
    if (error instanceof TsbuildError) return error.code;
    throw error;
  } finally {
    closeSync(fd);
  }
}

async function unpackAdd(tar: string, directory: string): Promise<readonly string[] | string> {
  const [lower, upper, work] = ['lower', 'upper', 'work'].map((name) => {
    mkdirSync(join(directory, name));
    return join(directory, name);
  }) as [string, string, string];
  const fd = openSync(tar, 'r');
  try {
    await extractArchive(helper, { view: { ...view(lower), upper, work }, destination: '/', tarFd: fd });
    return list(upper);
  } catch (error) {
    if (error instanceof TsbuildError) return error.code;
    throw error;
  } finally {
    closeSync(fd);
  }
}

function check({ name, script, expected }: Case): void {
  test(name, asRoot, async (t) => {
    const directory = temporary(t);
    const host = join(directory, 'host');
    mkdirSync(join(host, 'dir/sub'), { recursive: true });
    writeFileSync(join(host, 'file'), 'precious', { mode: 0o640 });
    writeFileSync(join(host, 'dir/file'), 'precious too', { mode: 0o600 });
    const before = stateOf(host);
    const tar = makeTar(join(directory, 'archive.tar'), script.replaceAll('HOST', host));
    const hide = (result: readonly string[] | string): readonly string[] | string => (typeof result === 'string' ? result : result.map((line) => line.replaceAll(host, 'HOST').replaceAll(host.slice(1), 'HOST')).filter((line) => !isParentOf(line, host)));
    assert.deepEqual(hide(await unpackLayer(tar, directory)), expected.layer, 'as a layer');
    assert.deepEqual(hide(await unpackAdd(tar, directory)), expected.add ?? expected.layer, 'as an archive');
    assert.equal(stateOf(host), before, 'the files of the host are as they were');
    assert.deepEqual(readdirSync(directory).sort(), ['archive.tar', 'host', 'layer', 'lower', 'upper', 'work'], 'nothing is beside the trees');
  });
}

/** Directories that are there only because a link of the host's path was followed inside the tree. */
function isParentOf(line: string, host: string): boolean {
  return line.endsWith('/') && `${host.slice(1)}/`.startsWith(line);
}

const cases: readonly Case[] = [
  { name: 'CVE-2021-32804: absolute names, also with several slashes, are names in the tree', script: `f('/absolute', 'a'); f('//HOST/file', 'evil'); f('////etc/x', 'b')`, expected: { layer: ['absolute a', 'etc/', 'etc/x b', 'HOST/', 'HOST/file evil'] } },
  { name: 'CVE-2026-28406: names that climb stay in the tree, and targets of links are kept as they are', script: `f('../../../../../../HOST/file', 'evil'); f('a/../../../b', 'c'); s('l', '../../../../..HOST'); s('m', 'HOST/file')`, expected: { layer: ['b c', 'l -> ../../../../..HOST', 'm -> HOST/file', 'HOST/', 'HOST/file evil'] } },
  { name: 'CVE-2021-37701: a directory that was seen and is now a link to the host is not taken for the directory', script: `d('x'); f('x/y', '1'); s('x', 'HOST'); f('x/file', 'evil')`, expected: { layer: ['HOST/', 'HOST/file evil', 'x -> HOST'] } },
  { name: 'CVE-2021-37701: nor one that is spelled with a backslash', script: `d('x\\\\\\\\'); s('x\\\\\\\\', 'HOST'); f('x\\\\\\\\/file', 'evil'); f('a\\\\\\\\..\\\\\\\\..\\\\\\\\b', 'c')`, expected: { layer: ['a\\\\..\\\\..\\\\b c', 'HOST/', 'HOST/file evil', 'x\\\\ -> HOST'] } },
  { name: 'CVE-2021-37712: names that differ in their Unicode form are different files', script: `d('caf\\u00e9'); s('cafe\\u0301', 'HOST'); f('caf\\u00e9/file', 'inside'); f('cafe\\u0301/file', 'evil')`, expected: { layer: ['cafe\u0301 -> HOST', 'caf\u00e9/', 'caf\u00e9/file inside', 'HOST/', 'HOST/file evil'] } },
  { name: 'CVE-2026-23950: names with sharp s and with ss are different files', script: `d('stra\\u00dfe'); s('strasse', 'HOST'); f('stra\\u00dfe/file', 'inside'); f('STRASSE', 'upper')`, expected: { layer: ['STRASSE upper', 'strasse -> HOST', 'stra\u00dfe/', 'stra\u00dfe/file inside'] } },
  { name: 'CVE-2021-37713: names of Windows drives and devices are plain names', script: `f('C:../file', 'a'); f('C:/x', 'b'); f('c:file', 'd'); f('NUL', 'e')`, expected: { layer: ['C:/', 'C:/x b', 'C:../', 'C:../file a', 'NUL e', 'c:file d'] } },
  { name: 'CVE-2026-31802: a link to the host through another link, then a file through both', script: `s('a', 'b'); s('b', 'HOST/dir'); f('a/file', 'evil'); f('a/new', 'new')`, expected: { layer: ['a -> b', 'b -> HOST/dir', 'HOST/', 'HOST/dir/', 'HOST/dir/file evil', 'HOST/dir/new new'] } },
  { name: 'CVE-2024-12905: a link, then a file of the same name and one below it', script: `s('l', 'HOST/file'); f('l', 'inside'); s('k', 'HOST'); f('k/file', 'evil')`, expected: { layer: ['k -> HOST', 'l inside', 'HOST/', 'HOST/file evil'] } },
  { name: 'CVE-2025-48387: a hard link to a link to the host, then a file of that name', script: `s('l', 'HOST/file'); h('h', 'l'); f('h', 'inside')`, expected: { layer: ['h inside', 'l -> HOST/file'] } },
  { name: 'CVE-2025-59343: a link to a directory beside the tree whose name begins like the tree', script: `s('l', '../layer-beside'); f('l/file', 'evil'); s('u', '../upper-beside'); f('u/file', 'evil')`, expected: { layer: ['l -> ../layer-beside', 'layer-beside/', 'layer-beside/file evil', 'u -> ../upper-beside', 'upper-beside/', 'upper-beside/file evil'] } },
  { name: 'CVE-2021-29136: the root of the tree cannot become a link', script: `s('.', 'HOST'); f('file', 'inside'); s('./', 'HOST'); f('./dir/file', 'inside')`, expected: { layer: 'LAYER_CORRUPT', add: 'ARCHIVE_INVALID' } },
  { name: 'CVE-2021-32760: mode, owner and times are not set through a link', script: `s('l', 'HOST/file', mode=0o777, uid=1, gid=2, mtime=5); s('d', 'HOST/dir', uid=3); d('d', mode=0o777, uid=4, mtime=6); h('h', 'l', mode=0o777)`, expected: { layer: ['d/', 'h -> HOST/file', 'l -> HOST/file'] } },
  { name: 'frostyard/nbc#86, undock#460, go-containerregistry#2227: a hard link to a file of the host is none, and writing to it is not writing to the host', script: `h('h', 'HOST/file')`, expected: { layer: [], add: 'ARCHIVE_INVALID' } },
  { name: 'go-containerregistry#2227: nor does overwriting such a link write to the host', script: `h('h', 'HOST/file'); f('h', 'inside')`, expected: { layer: ['h inside'], add: 'ARCHIVE_INVALID' } },
  { name: 'kaniko#359: a file over a link replaces the link', script: `f('target', 'kept'); s('l', 'target'); f('l', 'new')`, expected: { layer: ['l new', 'target kept'] } },
  { name: 'kaniko#326, kaniko#440: links that climb above the root or lead nowhere are kept as they are', script: `s('usr/lib64', '../../../../lib'); s('a', '..'); s('b', '/nowhere/at/all'); s('d/e', '../../../../../x')`, expected: { layer: ['a -> ..', 'b -> /nowhere/at/all', 'd/', 'd/e -> ../../../../../x', 'usr/', 'usr/lib64 -> ../../../../lib'] } },
  { name: 'whiteouts through links: the files of the host stay', script: `s('l', 'HOST'); f('l/.wh.file'); f('l/dir/.wh.file'); f('l/.wh..wh..opq')`, expected: { layer: ['l -> HOST', 'HOST/', 'HOST/dir/', 'HOST/dir/file gone', 'HOST/file gone'], add: 'NAME_IMPOSSIBLE' } },
  { name: 'a whiteout of nothing', script: `f('d/x', 'kept'); f('d/.wh.')`, expected: { layer: 'LAYER_CORRUPT', add: 'NAME_IMPOSSIBLE' } },
  { name: 'a whiteout of the directory itself', script: `f('d/x', 'kept'); f('d/.wh..')`, expected: { layer: 'LAYER_CORRUPT', add: 'NAME_IMPOSSIBLE' } },
  { name: 'a whiteout of the parent directory', script: `f('d/x', 'kept'); f('d/.wh...')`, expected: { layer: 'LAYER_CORRUPT', add: 'NAME_IMPOSSIBLE' } },
  { name: 'a whiteout of all that is below the root', script: `f('d/x', 'kept'); f('.wh..wh..opq'); f('d/.wh..wh..opq')`, expected: { layer: ['d/', 'd/x kept'], add: 'NAME_IMPOSSIBLE' } },
];
for (const one of cases) check(one);

test('attributes of overlayfs in an archive mean nothing: what is below a directory stays visible, a file keeps its data', asRoot, async (t) => {
  const directory = temporary(t);
  const lower = join(directory, 'below');
  mkdirSync(join(lower, 'd'), { recursive: true });
  writeFileSync(join(lower, 'd/visible'), 'below');
  const attributes = (names: readonly string[], value: string): string => `pax_headers={${names.map((name) => `'SCHILY.xattr.${name}': '${value}'`).join(', ')}}`;
  const opaque = attributes(['trusted.overlay.opaque', 'user.overlay.opaque', 'trusted.overlay.overlay.opaque'], 'y');
  const tar = makeTar(join(directory, 'a.tar'), `add('d', DIRTYPE, ${opaque}); add('f', data=b'data', ${attributes(['trusted.overlay.metacopy', 'trusted.overlay.redirect'], '/etc/passwd')})`);
  assert.deepEqual(await unpackLayer(tar, directory), ['d/', 'f data']);
  assert.deepEqual(describeView(directory, [lower, join(directory, 'layer')]).map((line) => line.split(' ')[3]), ['.', 'd', 'd/visible', 'f']);
});
