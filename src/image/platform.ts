/**
 * Platforms as containerd reads, normalises and orders them (containerd/platforms: `platforms.go`, `database.go`,
 * `compare.go`). It never looks at the machine: the caller brings `process.arch`. Start at `parsePlatform`.
 */
import { TsbuildError } from '../base/errors.ts';
import type { Descriptor, Platform } from './config.ts';

const partPattern = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$/;
/** The first part: a system, perhaps with its version, such as `windows(10.0.17763)`. */
const systemPattern = /^([A-Za-z0-9_][A-Za-z0-9_.-]{0,63})(?:\(([A-Za-z0-9_.-]{0,63})\))?$/;
const knownSystems = new Set([
  'aix', 'android', 'darwin', 'dragonfly', 'freebsd', 'hurd', 'illumos', 'ios', 'js', 'linux', 'nacl', 'netbsd', 'openbsd', 'plan9', 'solaris', 'windows', 'zos',
]);
const knownArchitectures = new Set([
  '386', 'amd64', 'amd64p32', 'arm', 'armbe', 'arm64', 'arm64be', 'loong64', 'mips', 'mipsle', 'mips64', 'mips64le', 'mips64p32', 'mips64p32le',
  'ppc', 'ppc64', 'ppc64le', 'riscv', 'riscv64', 's390', 's390x', 'sparc', 'sparc64', 'wasm',
]);
const nodeArchitectures: Readonly<Record<string, string>> = {
  x64: 'amd64', ia32: '386', arm64: 'arm64', arm: 'arm', ppc64: 'ppc64le', s390x: 's390x', riscv64: 'riscv64', loong64: 'loong64', mips: 'mips', mipsel: 'mipsle',
};

/**
 * The platform of this machine's containers.
 * @param nodeArch `process.arch`
 */
export function hostPlatform(nodeArch: string): Platform {
  return normalizePlatform({ os: 'linux', architecture: nodeArchitectures[nodeArch] ?? nodeArch });
}

/**
 * Reads `linux/arm64/v8`, `linux/amd64`, `windows(10.0.17763)/amd64`, `arm64`, `linux`, `local`: what is not said is the
 * host's.
 * @throws TsbuildError `PLATFORM_INVALID`, class usage
 */
export function parsePlatform(text: string, host: Platform): Platform {
  if (text.toLowerCase() === 'local') return host;
  const [first = '', second, third, ...others] = text.split('/');
  const system = systemPattern.exec(first);
  const isWellFormed = [second, third].every((part) => part === undefined || partPattern.test(part));
  if (system === null || !isWellFormed || others.length > 0) throw invalid(text, 'it is not of the form os[(version)]/architecture[/variant]');
  const os = normalizeSystem(system[1] ?? '');
  const version = system[2] === undefined || system[2] === '' ? {} : { 'os.version': system[2] };
  if (second !== undefined) return normalizePlatform({ os, architecture: second, ...version, ...(third === undefined ? {} : { variant: third }) });
  if (knownSystems.has(os)) return { ...host, os, ...version };
  const single = normalizePlatform({ os: host.os, architecture: first });
  if (!knownArchitectures.has(single.architecture)) throw invalid(text, 'it is neither an operating system nor an architecture');
  return single;
}

/** The platforms of a list, each once and where it stood first (buildx `platformutil.Dedupe`). */
export function uniquePlatforms(platforms: readonly Platform[]): readonly Platform[] {
  return [...new Map(platforms.map((platform) => [formatWholePlatform(platform), platform])).values()];
}

/** `linux/arm/v7`: the form of options, messages and BuildKit's ARGs. */
export function formatPlatform(platform: Platform): string {
  const base = `${platform.os}/${platform.architecture}`;
  return platform.variant === undefined || platform.variant === '' ? base : `${base}/${platform.variant}`;
}

/** With the version of the system where there is one: `windows(10.0.17763)/amd64` (containerd `FormatAll`). */
export function formatWholePlatform(platform: Platform): string {
  const version = platform['os.version'];
  const os = version === undefined || version === '' ? platform.os : `${platform.os}(${version})`;
  return formatPlatform({ ...platform, os });
}

/** One spelling for every platform: x86_64 is amd64, arm64/v8 is arm64, arm is arm/v7. */
export function normalizePlatform(platform: Platform): Platform {
  const { architecture, variant } = normalizeArchitecture(platform.architecture.toLowerCase(), (platform.variant ?? '').toLowerCase());
  const version = platform['os.version'];
  return {
    os: normalizeSystem(platform.os),
    architecture,
    ...(variant === '' ? {} : { variant }),
    ...(version === undefined || version === '' ? {} : { 'os.version': version }),
  };
}

/** Whether both name the same platform once normalised. The version of the system is left out, as with Docker. */
export function platformsEqual(a: Platform, b: Platform): boolean {
  return formatPlatform(normalizePlatform(a)) === formatPlatform(normalizePlatform(b));
}

/**
 * What runs on a platform, best first: `linux/amd64` also runs 386, `arm/v7` also v6 and v5, `arm64/v9.1` also v9 and
 * v8.6 downwards (containerd `platformVector`).
 */
export function runnablePlatforms(wanted: Platform): readonly Platform[] {
  const { os, architecture, variant } = normalizePlatform(wanted);
  const variantsOf = (name: string, variants: readonly string[]): Platform[] => variants.map((one) => normalizePlatform({ os, architecture: name, variant: one }));
  const level = Number(/^v(\d+)$/.exec(variant ?? '')?.[1] ?? 0);
  const exact: Platform = { os, architecture, ...(variant === undefined ? {} : { variant }) };
  switch (architecture) {
    case 'amd64':
      return [exact, ...variantsOf('amd64', levels(level - 1, 1)), { os, architecture: '386' }];
    case 'arm':
      return [exact, ...variantsOf('arm', levels(level - 1, 5))];
    case 'arm64':
      return [exact, ...variantsOf('arm64', armVariants(variant ?? 'v8')), ...variantsOf('arm', levels(8, 5))];
    default:
      return [exact];
  }
}

/** What an arm64 variant includes, best first: v9.x has all of v8.(x+5). */
function armVariants(variant: string): readonly string[] {
  const [, major, minor = '0'] = /^v([89])(?:\.(\d))?$/.exec(variant) ?? [];
  if (major === undefined) return [];
  const below = (version: number, from: number): string[] => range(from, 0).map((one) => (one === 0 ? `v${version}` : `v${version}.${one}`));
  return major === '9' ? [...below(9, Number(minor) - 1), ...below(8, Number(minor) + 5)] : below(8, Number(minor) - 1);
}

/** The entry of an index that fits the platform best, or undefined. Entries that name no platform never match here. */
export function choosePlatform(manifests: readonly Descriptor[], wanted: Platform): Descriptor | undefined {
  for (const candidate of runnablePlatforms(wanted)) {
    const found = manifests.find((manifest) => manifest.platform !== undefined && platformsEqual(manifest.platform, candidate));
    if (found !== undefined) return found;
  }
  return undefined;
}

function levels(from: number, to: number): readonly string[] {
  return range(from, to).map((level) => `v${level}`);
}

function range(from: number, to: number): number[] {
  return from < to ? [] : Array.from({ length: from - to + 1 }, (_, index) => from - index);
}

function normalizeSystem(os: string): string {
  const lower = os.toLowerCase();
  return lower === 'macos' ? 'darwin' : lower;
}

function normalizeArchitecture(architecture: string, variant: string): { architecture: string; variant: string } {
  switch (architecture) {
    case 'i386':
      return { architecture: '386', variant: '' };
    case 'x86_64':
    case 'x86-64':
    case 'amd64':
      return { architecture: 'amd64', variant: variant === 'v1' ? '' : variant };
    case 'aarch64':
    case 'arm64':
      return { architecture: 'arm64', variant: variant === '8' || variant === 'v8' ? '' : variant };
    case 'armhf':
      return { architecture: 'arm', variant: 'v7' };
    case 'armel':
      return { architecture: 'arm', variant: 'v6' };
    case 'arm':
      return { architecture: 'arm', variant: variant === '' ? 'v7' : /^\d$/.test(variant) ? `v${variant}` : variant };
    default:
      return { architecture, variant };
  }
}

function invalid(text: string, cause: string): TsbuildError {
  return new TsbuildError('usage', 'PLATFORM_INVALID', `platform ${JSON.stringify(text)}: ${cause}`, {
    hint: 'Write it as os/architecture[/variant], for example linux/amd64 or linux/arm/v7.',
  });
}
