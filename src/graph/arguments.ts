/**
 * Build arguments: the predefined ones, the global ones before the first FROM, and those that never become environment
 * (SEMANTICS A4, A6 32 to 39).
 */
import type { Platform } from '../image/config.ts';
import { formatWholePlatform } from '../image/platform.ts';
import type { Dockerfile } from '../dockerfile/instruction.ts';
import { envList, type EnvList, type EnvPair } from './env-list.ts';
import { expand } from './expand.ts';

/** ARGs that steer the builder and are not given to RUN. */
export const nonEnvironmentArgs: ReadonlySet<string> = new Set([
  'BUILDKIT_SBOM_SCAN_CONTEXT',
  'BUILDKIT_SBOM_SCAN_STAGE',
  'BUILDKIT_DOCKERFILE_CHECK',
]);

const proxyNames = ['http_proxy', 'https_proxy', 'ftp_proxy', 'no_proxy', 'all_proxy'];

/** Proxies among the build arguments, in both cases; RUN gets them without ARG, keys and history do not. */
export function proxyEnvironment(buildArgs: ReadonlyMap<string, string>): readonly EnvPair[] {
  const found = new Map<string, string>();
  for (const name of [...buildArgs.keys()].sort()) {
    const lower = name.toLowerCase();
    if (proxyNames.includes(lower)) found.set(lower, buildArgs.get(name) ?? '');
  }
  return [...found].flatMap(([name, value]): EnvPair[] => [
    [name.toUpperCase(), value],
    [name, value],
  ]);
}

const predefinedPattern = /^(BUILDKIT_.*|SOURCE_DATE_EPOCH|(BUILD|TARGET)(PLATFORM|OS|OSVERSION|ARCH|VARIANT)|TARGETSTAGE)$/;

/** What is there without an ARG, or is read by the builder itself: a build argument of such a name always has a meaning. */
export function isPredefinedArg(name: string): boolean {
  return predefinedPattern.test(name) || proxyNames.includes(name.toLowerCase());
}

function platformArguments(prefix: string, platform: Platform): readonly EnvPair[] {
  return [
    [`${prefix}PLATFORM`, formatWholePlatform(platform)],
    [`${prefix}OS`, platform.os],
    [`${prefix}OSVERSION`, platform['os.version'] ?? ''],
    [`${prefix}ARCH`, platform.architecture],
    [`${prefix}VARIANT`, platform.variant ?? ''],
  ];
}

/** The arguments that every Dockerfile has; a build argument of the same name wins. */
function predefinedArguments(input: ArgumentInput): EnvList {
  const target = input.target === null || input.target === '' ? (input.dockerfile.stages.at(-1)?.name ?? '') : input.target;
  const pairs: EnvPair[] = [
    ...platformArguments('BUILD', input.buildPlatform),
    ...platformArguments('TARGET', input.targetPlatform),
    ['TARGETSTAGE', target === '' ? 'default' : target],
  ];
  return envList(pairs.map(([name, value]): EnvPair => [name, input.buildArgs.get(name) ?? value]));
}

export interface ArgumentInput {
  readonly dockerfile: Dockerfile;
  readonly target: string | null;
  readonly buildArgs: ReadonlyMap<string, string>;
  readonly targetPlatform: Platform;
  readonly buildPlatform: Platform;
}

/** What FROM lines see: predefined arguments, then the ARGs before the first FROM in their order. */
export function globalArguments(input: ArgumentInput): EnvList {
  return withGlobalArgs(predefinedArguments(input), input.dockerfile, input.buildArgs);
}

/** What FROM lines would see if the user had given no build argument. */
export function defaultGlobalArguments(input: ArgumentInput): EnvList {
  return withGlobalArgs(predefinedArguments(input), input.dockerfile, new Map());
}

function withGlobalArgs(predefined: EnvList, dockerfile: Dockerfile, buildArgs: ReadonlyMap<string, string>): EnvList {
  let args = predefined;
  for (const instruction of dockerfile.globalArgs) {
    for (const { key, value } of instruction.args) {
      const given = buildArgs.get(key);
      if (given !== undefined) args = args.with(key, given);
      else if (value !== undefined) args = args.with(key, expand(value, args, dockerfile, instruction.position));
    }
  }
  return args;
}
