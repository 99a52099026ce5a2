/** The first step of a build: its Dockerfile, read and parsed, with what is to be said of one that cannot be. */
import { checkUnreadable, type CheckPorts } from './check.ts';
import type { BuildRequest } from './build-request.ts';
import { locateContext } from './inputs.ts';
import type { StepReporter } from './observer.ts';
import { readDockerfile, type DockerfileSource } from './read-dockerfile.ts';

/** @throws TsbuildError where the context or the Dockerfile is missing or wrong; what stands before the mistake was checked */
export async function readDefinition(request: BuildRequest, ports: CheckPorts, reporter: StepReporter): Promise<DockerfileSource> {
  const step = reporter.describe(`[internal] load build definition from ${request.file ?? 'Dockerfile'}`);
  reporter.started(step);
  const texts: { readonly file: string; readonly source: string }[] = [];
  const onDockerfile = (file: string, source: string): void => {
    texts.push({ file, source });
    ports.onDockerfile?.(file, source);
  };
  try {
    await locateContext(request, ports);
    const source = await readDockerfile(request, { ...ports, onDockerfile });
    for (const { code, message, position } of source.dockerfile.warnings) {
      // Empty continuations are a rule of the checks, which may be switched off.
      if (code !== 'NoEmptyContinuation') reporter.send({ type: 'notice', level: 'warning', code, text: message, position });
    }
    reporter.done(step, false);
    return source;
  } catch (error) {
    reporter.failed(step, error);
    for (const text of texts) await checkUnreadable(text, { request, ports, reporter });
    throw error;
  }
}
