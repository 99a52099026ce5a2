/**
 * What can be said of a Dockerfile without building it: its checks, its outline, its targets. It reads the Dockerfile and,
 * where a COPY could be told something by it, the ignore file; it resolves no image, and fetches only a Dockerfile that is
 * elsewhere: for one of this machine it opens no store and starts nothing.
 * Start at `checkRequest`; a build checks by `checkInBuild`.
 */
import { isAbsolute, relative, resolve } from 'node:path';
import { TsbuildError } from '../base/errors.ts';
import { pathOfRule } from '../context/ignore.ts';
import { openIgnore } from '../context/open-ignore.ts';
import type { Dockerfile } from '../dockerfile/instruction.ts';
import { tryParseDockerfile, type ParseAttempt } from '../dockerfile/parse.ts';
import { checkDockerfile, findingsError, type CheckInput, type CheckResult, type IgnoredPaths } from '../graph/check/check.ts';
import { ruleOf, ruleUrl } from '../graph/check/rules.ts';
import { outlineOf, type Outline } from '../graph/describe/outline.ts';
import { targetsOf, type TargetDescription } from '../graph/describe/targets.ts';
import type { PlanInput } from '../graph/plan-input.ts';
import type { BuildRequest } from './build-request.ts';
import { isDirectoryContext, readNamedContexts } from './inputs.ts';
import { readIgnore } from './read-ignore.ts';
import type { StepReporter } from './observer.ts';
import { planSettings } from './plan-request.ts';
import { readDockerfileBytes, type DockerfileBytes, type InputOptions } from './read-dockerfile.ts';
import type { SourcePorts } from './with-sources.ts';

/** What looking at a Dockerfile needs of the process. */
export interface CheckPorts extends InputOptions, SourcePorts {
  /** `process.arch`. */
  readonly architecture: string;
}

/** The Dockerfile that was looked at, for excerpts and for programs. */
export interface CheckedFile {
  /** As messages call it. */
  readonly name: string;
  /** Relative to the working directory; null for standard input. */
  readonly path: string | null;
  readonly text: string;
}

export interface CheckReport extends CheckResult {
  readonly file: CheckedFile;
}

/**
 * Checks all stages, or those that `--target` needs.
 * @throws TsbuildError where the Dockerfile cannot be read, or `CHECK_OPTION`; a mistake in it is part of the report
 */
export function checkRequest(request: BuildRequest, ports: CheckPorts): Promise<CheckReport> {
  return reaching(request, ports, (reached) => checkReached(request, reached));
}

async function checkReached(request: BuildRequest, ports: CheckPorts): Promise<CheckReport> {
  const source = await readDockerfileBytes(request, ports);
  const file = checkedFile(source, ports);
  const attempt = attemptParse(source.bytes, source.name);
  if (attempt instanceof TsbuildError) return { file, findings: [], error: attempt, isStrict: false };
  const input: CheckInput = {
    ...settingsOf(request, ports), images: new Map(), allStages: true, ignored: await ignoredPaths(request, source.path, attempt, ports),
  };
  return { file, ...checkDockerfile(attempt, input) };
}

/** @throws TsbuildError where the Dockerfile cannot be read or planned */
export async function outlineRequest(request: BuildRequest, ports: CheckPorts): Promise<{ readonly file: CheckedFile; readonly outline: Outline }> {
  const { file, dockerfile } = await reaching(request, ports, (reached) => readWhole(request, reached));
  return { file, outline: outlineOf({ ...settingsOf(request, ports), images: new Map(), dockerfile }) };
}

/** @throws TsbuildError where the Dockerfile cannot be read */
export async function targetsRequest(request: BuildRequest, ports: CheckPorts): Promise<{ readonly file: CheckedFile; readonly targets: readonly TargetDescription[] }> {
  const { file, dockerfile } = await reaching(request, ports, (reached) => readWhole(request, reached));
  return { file, targets: targetsOf(dockerfile) };
}

/** With ports that reach the Dockerfile. One beside a context that is elsewhere needs none of it. */
async function reaching<Result>(request: BuildRequest, ports: CheckPorts, work: (reached: CheckPorts) => Promise<Result>): Promise<Result> {
  const { context, file } = request;
  const isHere = isDirectoryContext(request) || file === '-' || (file !== null && isAbsolute(file) && context !== '-');
  return isHere ? work(ports) : (await import('./while-fetched.ts')).whileFetched(request, ports, work);
}

/** What a build knows when it checks. */
export interface BuildCheck {
  readonly request: BuildRequest;
  readonly ports: CheckPorts;
  readonly reporter: StepReporter;
  readonly dockerfilePath: string | null;
  readonly attempt: ParseAttempt;
  /** Those that the target needs, or none where the build failed before they were known. */
  readonly images: PlanInput['images'];
  /** Whether the build fails anyway, with an error that says more than that there are findings. */
  readonly isFailing: boolean;
}

/** Tells the findings as notices. @throws TsbuildError `CHECK_OPTION`; `CHECK_FAILED` where the file wants no build with findings */
export async function checkInBuild({ request, ports, reporter, dockerfilePath, attempt, images, isFailing }: BuildCheck): Promise<void> {
  const ignored = await ignoredPaths(request, dockerfilePath, attempt, ports);
  const { findings, isStrict } = checkDockerfile(attempt, { ...settingsOf(request, ports), images, ignored, allStages: false });
  for (const { rule, detail, position } of findings) {
    const { description } = ruleOf(rule);
    const url = ruleUrl(rule);
    reporter.send({ type: 'notice', level: 'warning', code: rule, text: detail, position, check: { description, ...(url === null ? {} : { url }) } });
  }
  const error = isStrict && !isFailing ? findingsError(findings) : null;
  if (error !== null) throw error;
}

/** Tells what was found before the mistake for which a Dockerfile could not be read. */
export async function checkUnreadable({ file, source }: { readonly file: string; readonly source: string }, build: Pick<BuildCheck, 'request' | 'ports' | 'reporter'>): Promise<void> {
  const attempt = attemptParse(source, file);
  if (attempt instanceof TsbuildError || attempt.error === null) return;
  await checkInBuild({ ...build, dockerfilePath: null, attempt, images: new Map(), isFailing: true });
}

function checkedFile({ bytes, name, path }: DockerfileBytes, { workingDirectory }: InputOptions): CheckedFile {
  return { name, path: path === null ? null : relative(workingDirectory, path), text: bytes.toString('utf8') };
}

/** The error alone where lines could not be told apart. */
function attemptParse(source: Uint8Array | string, file: string): ParseAttempt | TsbuildError {
  try {
    return tryParseDockerfile(source, file);
  } catch (error) {
    if (error instanceof TsbuildError && error.errorClass === 'usage') return error;
    throw error;
  }
}

async function readWhole(request: BuildRequest, ports: CheckPorts): Promise<{ readonly file: CheckedFile; readonly dockerfile: Dockerfile }> {
  const source = await readDockerfileBytes(request, ports);
  const { dockerfile, error } = tryParseDockerfile(source.bytes, source.name);
  if (dockerfile === null) throw error;
  return { file: checkedFile(source, ports), dockerfile };
}

/** Looking at a file needs no permission: what RUN asks for is decided when it is built. One platform stands for several. */
function settingsOf(request: BuildRequest, { workingDirectory, architecture }: CheckPorts): Omit<PlanInput, 'images' | 'dockerfile'> {
  const contexts = readNamedContexts(request.buildContexts, workingDirectory);
  const settings = planSettings({ ...request, platforms: request.platforms.slice(0, 1) }, contexts, architecture);
  return { ...settings, allowHostNetwork: true, allowInsecure: true };
}

/** The ignore rules, if there is a COPY or ADD that they could explain. */
async function ignoredPaths(request: BuildRequest, dockerfilePath: string | null, { instructions }: ParseAttempt, ports: InputOptions): Promise<IgnoredPaths | null> {
  const copies = instructions.some((instruction) => (instruction.kind === 'copy' || instruction.kind === 'add') && instruction.from === undefined && instruction.sources.length > 0);
  if (!copies || !isDirectoryContext(request)) return null;
  const ignore = await readIgnore(resolve(ports.workingDirectory, request.context), dockerfilePath);
  if (ignore.rules.length === 0) return null;
  const rules = openIgnore(ignore);
  return { isIgnored: (path) => rules.isIgnored(path), patterns: ignore.rules.map((rule) => ({ path: pathOfRule(rule), isException: rule.isException })) };
}
