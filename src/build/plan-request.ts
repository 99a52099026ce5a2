/** What planning takes, from what the user asked for. */
import { TsbuildError } from '../base/errors.ts';
import type { ImageShape } from '../export/check-annotations.ts';
import type { PlanInput } from '../graph/plan-input.ts';
import { epochName, settleEpoch } from '../graph/source-date-epoch.ts';
import type { Platform } from '../image/config.ts';
import { hostPlatform, parsePlatform, uniquePlatforms } from '../image/platform.ts';
import { clampSeconds, type TimePolicy } from '../layer/time-policy.ts';
import type { NamedContext } from '../source/named-context.ts';
import type { BuildRequest } from './build-request.ts';
import { builderArg, parseBoolean } from './builder-args.ts';

/** As with BuildKit: 64 MiB. */
const shmSizeDefault = 64 * 1024 * 1024;
const hostnameDefault = 'buildkitsandbox';

/** One input for each platform, in the order in which the user named them; they differ in the target platform alone. */
export function planInputs(request: BuildRequest, input: Omit<PlanInput, 'images'>): readonly Omit<PlanInput, 'images'>[] {
  return targetPlatforms(request, input.buildPlatform).map((targetPlatform) => ({ ...input, targetPlatform }));
}

/** All but the Dockerfile and the images, for the first platform; its times are the constant. */
export function planSettings(request: BuildRequest, contexts: ReadonlyMap<string, NamedContext>, architecture: string): Omit<PlanInput, 'images' | 'dockerfile'> {
  const buildArgs = buildArgsOf(request);
  const buildPlatform = hostPlatform(architecture);
  const shape = imageShape(request, architecture);
  return {
    target: request.target,
    buildArgs,
    targetPlatform: shape.platforms[0] ?? buildPlatform,
    isPlatformGiven: request.platforms.length > 0,
    isPlatformShown: shape.isIndex,
    buildPlatform,
    namedContexts: new Map([...contexts].map(([name, context]) => [name, meaningOf(context)] as const)),
    labels: request.labels.map(({ name, value }) => [name, value] as const),
    network: request.network,
    extraHosts: request.addHosts.map(({ host, address }) => [host, address] as const),
    shmSizeBytes: request.shmSizeBytes ?? shmSizeDefault,
    ulimits: request.ulimits,
    hostname: buildArgs.get('BUILDKIT_SANDBOX_HOSTNAME') || hostnameDefault, // an empty one is as good as none
    cacheNamespace: buildArgs.get('BUILDKIT_CACHE_MOUNT_NS') ?? '',
    noCache: request.noCache,
    noCacheFilter: request.noCacheFilter,
    created: formatTime(clampSeconds),
    sourceDateEpoch: String(clampSeconds),
    allowHostNetwork: request.network === 'host' || request.allow.includes('network.host'),
    allowInsecure: request.allow.includes('security.insecure'),
  };
}

/** With the user's time for `created`, and the one for files in RUN. */
export function timedInput(input: Omit<PlanInput, 'images'>, epochSeconds: number | null, times: TimePolicy): Omit<PlanInput, 'images'> {
  return {
    ...input,
    ...settleEpoch(input, epochSeconds),
    created: formatTime(epochSeconds ?? clampSeconds),
    sourceDateEpoch: String(times.kind === 'clamp' ? times.seconds : clampSeconds),
  };
}

function formatTime(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace('.000Z', 'Z');
}

/** The environment's SOURCE_DATE_EPOCH is one of them, as with buildx. */
function buildArgsOf({ buildArgs, sourceDateEpoch }: BuildRequest): ReadonlyMap<string, string> {
  const given = buildArgs.flatMap(({ key, value }) => (value === undefined ? [] : [[key, value] as const]));
  return new Map([...(sourceDateEpoch === null ? [] : [[epochName, sourceDateEpoch] as const]), ...given]);
}

/** What a named context is for planning; `docker-image://scratch` is nothing at all. */
function meaningOf(context: NamedContext): 'directory' | 'image' | 'scratch' {
  if (context.kind === 'directory' || context.kind === 'remote') return 'directory';
  return context.kind === 'image' && context.reference === 'scratch' ? 'scratch' : 'image';
}

/** The platforms to build for, each once, in the order in which the user named them; this machine's where none is named. */
function targetPlatforms({ platforms }: BuildRequest, host: Platform): readonly Platform[] {
  return platforms.length === 0 ? [host] : uniquePlatforms(platforms.map((text) => parsePlatform(text, host)));
}

/**
 * The platforms that the image is going to have, and whether it is an index: for several, or where BUILDKIT_MULTI_PLATFORM
 * asks for it.
 * @throws TsbuildError `PLATFORM_INVALID`, `MULTI_PLATFORM_INVALID`, class usage
 */
export function imageShape(request: BuildRequest, architecture: string): ImageShape {
  const platforms = targetPlatforms(request, hostPlatform(architecture));
  const isSeveral = platforms.length > 1;
  const wanted = builderArg(request, 'BUILDKIT_MULTI_PLATFORM');
  const value = wanted === '' ? isSeveral : parseBoolean(wanted);
  if (value === true || (value === false && !isSeveral)) return { platforms, isIndex: value };
  const cause = value === null ? 'it is neither true nor false' : 'several platforms are always an index';
  throw new TsbuildError('usage', 'MULTI_PLATFORM_INVALID', `--build-arg BUILDKIT_MULTI_PLATFORM=${wanted}: ${cause}`, { hint: 'Leave it out, or say true.' });
}
