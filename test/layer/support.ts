/** What the layer tests share: a helper process, temporary trees, real overlay mounts, and a walk that describes a tree. */
import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Helper } from '../../src/native/helper.ts';
import type { ViewSpec } from '../../src/native/view.ts';
import { applyLayer, commitUpper, defaultTimePolicy, type AppliedLayer, type CommitOptions, type WrittenLayer } from '../../src/layer/layer.ts';
import type { DiffID } from '../../src/base/digest.ts';

/** For `test(name, options)`: real mounts need root. */
export const asRoot = { skip: process.getuid?.() === 0 ? false : 'needs root: overlay mounts, owners and devices' } as const;

/** A directory that is deleted when the test ends. */
export function temporary(t: { after(fn: () => void): void }): string {
  const directory = mkdtempSync(join(tmpdir(), 'tsbuild-layer-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

export function view(...lowers: string[]): ViewSpec {
  return { lowers: lowers.map((path) => ({ kind: 'directory', path })) };
}

/** Shell functions for scripts: `xattr FILE NAME VALUE` (escapes in VALUE), `sock NAME`. */
const prelude = `umask 022
xattr() { python3 -c 'import os,sys; os.setxattr(sys.argv[1], sys.argv[2], sys.argv[3].encode().decode("unicode_escape").encode("latin1"), follow_symlinks=False)' "$@"; }
sock() { python3 -c 'import socket,sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$@"; }
`;

/** Runs a shell script in a directory. */
export function shell(directory: string, script: string): string {
  return execFileSync('bash', ['-euc', prelude + script], { cwd: directory, encoding: 'utf8', env: { ...process.env, LC_ALL: 'C.UTF-8' } });
}

/** What a step would leave: runs the script in a real overlay over the lowers and returns the upperdir. */
export function stepOver(directory: string, lowers: readonly string[], script: string, name = 'step'): string {
  const upper = join(directory, `${name}-upper`);
  const work = join(directory, `${name}-work`);
  const merged = join(directory, `${name}-merged`);
  for (const path of [upper, work, merged]) mkdirSync(path);
  const stack = lowers.length > 0 ? [...lowers].reverse().join(':') : makeEmpty(directory, name);
  execFileSync('mount', ['-t', 'overlay', 'overlay', '-o', `lowerdir=${stack},upperdir=${upper},workdir=${work},redirect_dir=off,metacopy=off,index=off,volatile`, merged]);
  try {
    shell(merged, script);
  } finally {
    execFileSync('umount', [merged]);
  }
  return upper;
}

function makeEmpty(directory: string, name: string): string {
  const path = join(directory, `${name}-empty`);
  mkdirSync(path);
  return path;
}

/** A tree made by a script, as a plain directory: the lowest layer of a test. */
export function base(directory: string, script: string, name = 'base'): string {
  const path = join(directory, name);
  mkdirSync(path);
  shell(path, script);
  return path;
}

/** Commits an upperdir into a file. */
export async function commit(helper: Helper, directory: string, options: Partial<CommitOptions> & { lowers: ViewSpec; upper: string }, name = 'layer'): Promise<WrittenLayer & { readonly path: string }> {
  const path = join(directory, `${name}.tar`);
  const fd = openSync(path, 'w');
  try {
    const written = await commitUpper(helper, { stubs: [], times: defaultTimePolicy, normalise: false, ...options }, fd);
    return { ...written, path };
  } finally {
    closeSync(fd);
  }
}

/** Applies a tar file into a new directory; the digest is that of the file unless given. */
export async function apply(helper: Helper, tarPath: string, target: string, expected?: DiffID): Promise<AppliedLayer> {
  mkdirSync(target);
  const fd = openSync(tarPath, 'r');
  try {
    return await applyLayer(helper, { tarFd: fd, expected: expected ?? diffIDOf(tarPath), target: { kind: 'directory', path: target } });
  } finally {
    closeSync(fd);
  }
}

export function diffIDOf(tarPath: string): DiffID {
  return `sha256:${execFileSync('sha256sum', [tarPath], { encoding: 'utf8' }).slice(0, 64)}` as DiffID;
}

/** One line for each entry of a tar as Python reads it: type, mode, owner, size, time, path, link, device, xattrs. */
export function listTar(tarPath: string): string[] {
  const script = `
import sys, tarfile
with tarfile.open(sys.argv[1]) as tar:
    for m in tar:
        extra = f' -> {m.linkname}' if m.linkname else ''
        if m.isdev() and not m.isfifo(): extra += f' {m.devmajor}:{m.devminor}'
        for k in sorted(m.pax_headers):
            if k.startswith('SCHILY'): extra += f' {k[13:]}={m.pax_headers[k]!a}'
        print(f'{m.type.decode()} {m.mode:04o} {m.uid}:{m.gid} {m.size} {m.mtime} {m.name!a}{extra}')
`;
  return lines(execFileSync('python3', ['-c', script, tarPath], { encoding: 'utf8' }));
}

/** One line for each entry below a directory, seen through a real read-only overlay of the stack: what a step would see. */
export function describeView(directory: string, lowers: readonly string[]): string[] {
  const merged = mkdtempSync(join(directory, 'look-'));
  const empty = mkdtempSync(join(directory, 'empty-'));
  execFileSync('mount', ['-t', 'overlay', 'overlay', '-o', `lowerdir=${[...lowers].reverse().join(':')}:${empty}`, merged]);
  try {
    return describeTree(merged);
  } finally {
    execFileSync('umount', [merged]);
  }
}

/** One line for each entry of a tree, the root included; hard links by the first path of their group. */
export function describeTree(root: string): string[] {
  const script = `
import os, stat, sys, hashlib
root = os.fsencode(sys.argv[1]); links = {}
def show(path):
    st = os.lstat(path); rel = os.path.relpath(path, root); extra = b''
    if stat.S_ISLNK(st.st_mode): extra = b' -> ' + os.readlink(path)
    elif stat.S_ISREG(st.st_mode): extra = b' %d ' % st.st_size + hashlib.sha256(open(path, 'rb').read()).hexdigest()[:12].encode()
    elif stat.S_ISCHR(st.st_mode) or stat.S_ISBLK(st.st_mode): extra = b' %d:%d' % (os.major(st.st_rdev), os.minor(st.st_rdev))
    if not stat.S_ISDIR(st.st_mode):
        first = links.setdefault((st.st_dev, st.st_ino), rel)
        if first != rel: extra += b' = ' + first
    for name in sorted(os.listxattr(path, follow_symlinks=False)):
        extra += b' ' + os.fsencode(name) + b'=' + os.getxattr(path, name, follow_symlinks=False)
    print(ascii(os.fsdecode(b'%o %d:%d %d %s%s' % (st.st_mode, st.st_uid, st.st_gid, st.st_mtime_ns, rel, extra)))[1:-1])
    if stat.S_ISDIR(st.st_mode):
        for name in sorted(os.listdir(path)): show(os.path.join(path, name))
show(root)
`;
  return lines(execFileSync('python3', ['-c', script, root], { encoding: 'utf8' }));
}

function lines(text: string): string[] {
  return text.split('\n').filter((line) => line !== '');
}

/**
 * Makes a tar with Python's tarfile: the script adds members by `add(name, type=…, data=b'', linkname='', mode=…, …)`,
 * where extra names become attributes of the TarInfo (`pax_headers`, `uid`, `devmajor` …), and raw bytes by `raw(bytes)`.
 */
export function makeTar(path: string, script: string, format: 'PAX' | 'GNU' | 'USTAR' = 'PAX'): string {
  const program = `
import io, sys, tarfile
from tarfile import TarInfo, REGTYPE, DIRTYPE, SYMTYPE, LNKTYPE, CHRTYPE, BLKTYPE, FIFOTYPE
out = open(sys.argv[1], 'wb')
tar = tarfile.open(fileobj=out, mode='w', format=tarfile.${format}_FORMAT, errors='surrogateescape')
def add(name, type=REGTYPE, data=b'', linkname='', mode=None, **more):
    m = TarInfo(name); m.type = type; m.linkname = linkname; m.size = len(data)
    m.mode = mode if mode is not None else (0o755 if type == DIRTYPE else 0o644)
    for key, value in more.items(): setattr(m, key, value)
    tar.addfile(m, io.BytesIO(data))
def raw(data):
    tar.fileobj.write(data); tar.offset += len(data)
def d(name, **more): add(name, DIRTYPE, **more)
def s(name, target, **more): add(name, SYMTYPE, linkname=target, **more)
def h(name, target, **more): add(name, LNKTYPE, linkname=target, **more)
def f(name, data='x', **more): add(name, data=data.encode(), **more)
${script}
tar.close(); out.close()
`;
  execFileSync('python3', ['-c', program, path]);
  return path;
}
