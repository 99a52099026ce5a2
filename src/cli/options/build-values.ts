/**
 * Turns the words of the build options into a request. It reads the environment it is given and nothing else:
 * no file is opened, no name resolved.
 */
import { contextModes, entitlements, isolationChoices, networkModes, timestampPolicies, usernsModes, type BuildRequest, type CacheBudget } from '../build-request.ts';
import type { RawBuildOptions } from './build-options.ts';
import { oneOf, parseFields } from './csv.ts';
import { groupLimitsOf } from './group-limits.ts';
import { parseCount, parseSize, parseUlimit } from './limits.ts';
import { parseAnnotation, parseBuildArg, parseHost, parseLabel, parseNamed, type Environment } from './pairs.ts';
import { parseSecret, parseSsh } from './secrets.ts';
import { resolveStoreRoot, type User } from './store-root.ts';
import { TsbuildError } from '../../base/errors.ts';

/**
 * The request of a build.
 * @throws TsbuildError class usage, `OPTION_VALUE` above all
 */
export function buildRequestOf(context: string, raw: RawBuildOptions, env: Environment, user: User): BuildRequest {
  if (context === '-' && raw.file === '-') {
    throw new TsbuildError('usage', 'STDIN_TWICE', 'standard input cannot be both the context and the Dockerfile');
  }
  return {
    ...inputsOf(context, raw, env),
    ...runSettingsOf(raw),
    tags: raw.tag,
    labels: raw.label.map(parseLabel),
    annotations: raw.annotation.flatMap(parseAnnotation),
    noCache: !raw.cache,
    noCacheFilter: splitList(raw.cacheFilter),
    pull: raw.pull === true,
    iidFile: raw.iidfile ?? null,
    metadataFile: raw.metadataFile ?? null,
    outputs: raw.output,
    timestamps: oneOf('--timestamps', raw.timestamps, timestampPolicies),
    storeRoot: resolveStoreRoot(raw.store, env, user),
    cacheBudget: parseBudget(raw.maxUsedSpace, env),
  };
}

type Inputs = 'context' | 'file' | 'target' | 'buildArgs' | 'buildContexts' | 'contextModes' | 'secrets' | 'ssh' | 'platforms' | 'sourceDateEpoch';

function inputsOf(context: string, raw: RawBuildOptions, env: Environment): Pick<BuildRequest, Inputs> {
  const buildArgs = raw.buildArg.map((text) => parseBuildArg(text, env));
  return {
    context,
    file: raw.file ?? null,
    target: raw.target ?? null,
    buildArgs,
    buildContexts: raw.buildContext.map((text) => parseNamed('--build-context', text)),
    contextModes: oneOf('--context-modes', raw.contextModes, contextModes),
    secrets: raw.secret.map((text) => parseSecret(text, env)),
    ssh: raw.ssh.map((text) => parseSsh(text, env)),
    platforms: splitList(raw.platform),
    // An empty value means the same as none: scripts export it so (reproducible-builds.org/specs/source-date-epoch).
    sourceDateEpoch: env['SOURCE_DATE_EPOCH'] || null,
  };
}

type RunSettings = 'network' | 'isolation' | 'addHosts' | 'ulimits' | 'shmSizeBytes' | 'userns' | 'limits' | 'allow' | 'jobs';

function runSettingsOf(raw: RawBuildOptions): Pick<BuildRequest, RunSettings> {
  return {
    network: oneOf('--network', raw.network, networkModes),
    isolation: oneOf('--isolation', raw.isolation, isolationChoices),
    addHosts: raw.addHost.map(parseHost),
    ulimits: raw.ulimit.map(parseUlimit),
    shmSizeBytes: raw.shmSize === undefined ? null : parseSize('--shm-size', raw.shmSize),
    userns: oneOf('--userns', raw.userns, usernsModes),
    limits: groupLimitsOf(raw),
    allow: splitList(raw.allow).map((word) => oneOf('--allow', word, entitlements)),
    jobs: raw.jobs === undefined ? null : parseCount('--jobs', raw.jobs),
  };
}

/** A size or `off`; the option counts more than the environment. */
function parseBudget(option: string | undefined, env: Environment): CacheBudget {
  const [name, text] = option === undefined ? ['TSBUILD_MAX_USED_SPACE', env['TSBUILD_MAX_USED_SPACE'] ?? ''] : ['--max-used-space', option];
  if (text === '' && option === undefined) return 'default';
  return text === 'off' ? 'off' : parseSize(name, text);
}

/** Options that may be repeated and may hold commas. */
function splitList(words: readonly string[]): readonly string[] {
  return words.flatMap((word) => word.split(',')).map((word) => word.trim()).filter((word) => word !== '');
}

/** Whether an output goes to standard output, which then has room for nothing else. */
export function writesToStdout(outputs: readonly string[]): boolean {
  return outputs.some((output) => {
    if (output === '-') return true;
    return parseFields('--output', output).some(({ key, value }) => key === 'dest' && value === '-');
  });
}
