/** Looks at all outputs before a build begins, so that a wrong destination does not cost the whole build. */
import { statSync } from 'node:fs';
import { TsbuildError } from '../base/errors.ts';
import { destinationIsFolder } from './output-file.ts';
import { stdoutDest, type OutputSpec } from './output-spec.ts';

export interface OutputCheck {
  readonly stdoutIsTerminal: boolean;
}

/**
 * @throws TsbuildError of class usage: `OUTPUT_TO_TERMINAL`, `OUTPUT_STDOUT_TWICE`, `OUTPUT_INVALID`
 */
export function checkOutputs(specs: readonly OutputSpec[], { stdoutIsTerminal }: OutputCheck): void {
  const destinations = specs.flatMap((spec) => ('dest' in spec ? [spec] : []));
  const toStdout = destinations.filter(({ dest }) => dest === stdoutDest);
  const [first, second] = toStdout;
  if (second !== undefined) {
    throw new TsbuildError('usage', 'OUTPUT_STDOUT_TWICE', '--output: multiple outputs configured to write to stdout', {
      hint: 'Give all but one of them a file: dest=FILE.',
    });
  }
  if (first !== undefined && stdoutIsTerminal) {
    throw new TsbuildError('usage', 'OUTPUT_TO_TERMINAL', `--output: dest file is required for ${first.type} exporter. refusing to write to console`, {
      hint: 'Add dest=FILE, or redirect standard output: tsbuild … > FILE.',
    });
  }
  for (const spec of destinations) if (spec.dest !== stdoutDest) checkDestination(spec.dest, isFolderOutput(spec));
}

function isFolderOutput(spec: OutputSpec): boolean {
  return spec.type === 'local' || ((spec.type === 'oci' || spec.type === 'docker') && !spec.tar);
}

/** What cannot be looked at now fails when it is written, with a better message. */
function checkDestination(dest: string, isFolder: boolean): void {
  const found = statSync(dest, { throwIfNoEntry: false });
  if (found === undefined || found.isDirectory() === isFolder) return;
  if (!isFolder) throw destinationIsFolder(dest);
  throw new TsbuildError('usage', 'OUTPUT_INVALID', `write output ${dest}: destination directory is a file`, {
    hint: 'Name a folder, or a name that is not there yet.',
  });
}
