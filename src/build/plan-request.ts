/** What planning takes, from what the user asked for. */
import { TsbuildError } from '../base/errors.ts';
import type { Dockerfile } from '../dockerfile/instruction.ts';
import type { PlanInput } from '../graph/plan-input.ts';
import type { Platform } from '../image/config.ts';
import { hostPlatform, parsePlatform } from '../image/platform.ts';
import { clampSeconds, type TimePolicy } from '../layer/time-policy.ts';
import type { NamedContext } from '../source/named-context.ts';
import type { BuildRequest } from './build-request.ts';

/** As with BuildKit: 64 MiB. */
const shmSizeDefault = 64 * 1024 * 1024;
const hostnameDefault = 'buildkitsandbox';

export function planInput(
  request: BuildRequest,
  dockerfile: Dockerfile,
  contexts: ReadonlyMap<string, NamedContext>,
  times: TimePolicy,
  architecture: string,
): Omit<PlanInput, 'images'> {
  return { dockerfile, ...planSettings(request, contexts, times, architecture) };
}

/** All but the Dockerfile and the images. */
export function planSettings(
  request: BuildRequest,
  contexts: ReadonlyMap<string, NamedContext>,
  times: TimePolicy,
  architecture: string,
): Omit<PlanInput, 'images' | 'dockerfile'> {
  const buildArgs = new Map(request.buildArgs.flatMap(({ key, value }) => (value === undefined ? [] : [[key, value] as const])));
  const buildPlatform = hostPlatform(architecture);
  return {
    target: request.target,
    buildArgs,
    targetPlatform: targetPlatform(request, buildPlatform),
    buildPlatform,
    namedContexts: new Map([...contexts].map(([name, { kind }]) => [name, kind === 'directory' ? 'directory' : 'image'] as const)),
    labels: request.labels.map(({ name, value }) => [name, value] as const),
    network: request.network,
    extraHosts: request.addHosts.map(({ host, address }) => [host, address] as const),
    shmSizeBytes: request.shmSizeBytes ?? shmSizeDefault,
    ulimits: request.ulimits,
    hostname: buildArgs.get('BUILDKIT_SANDBOX_HOSTNAME') ?? hostnameDefault,
    noCache: request.noCache,
    noCacheFilter: request.noCacheFilter,
    created: new Date((request.sourceDateEpoch ?? clampSeconds) * 1000).toISOString().replace('.000Z', 'Z'),
    sourceDateEpoch: String(times.kind === 'clamp' ? times.seconds : clampSeconds),
    allowHostNetwork: request.network === 'host' || request.allow.includes('network.host'),
    allowInsecure: request.allow.includes('security.insecure'),
  };
}

function targetPlatform({ platforms }: BuildRequest, host: Platform): Platform {
  const [first, second] = platforms;
  if (second !== undefined) {
    throw new TsbuildError('usage', 'PLATFORMS_UNAVAILABLE', `--platform ${platforms.join(',')}: several platforms at once are not available yet`, {
      hint: 'Build once for each platform.',
    });
  }
  return first === undefined ? host : parsePlatform(first, host);
}
