/** Looks at all outputs before a build begins, so that a wrong destination does not cost the whole build. */
import { accessSync, constants, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { TsbuildError } from '../base/errors.ts';
import { diskError } from '../store/disk-error.ts';
import { outputToTerminal } from './destination.ts';
import { destinationIsFolder } from './output-file.ts';
import { destinationIsFile } from './output-folder.ts';
import { stdoutDest, type OutputSpec } from './output-spec.ts';

export interface OutputCheck {
  readonly stdoutIsTerminal: boolean;
  /** Whether the image is an index of platforms. */
  readonly isIndex: boolean;
}

/**
 * @throws TsbuildError `OUTPUT_TO_TERMINAL`, `OUTPUT_STDOUT_TWICE`, `OUTPUT_INVALID`, `OUTPUT_DENIED`, `OUTPUT_READ_ONLY`,
 *   `OUTPUT_PLATFORMS`
 */
export function checkOutputs(specs: readonly OutputSpec[], { stdoutIsTerminal, isIndex }: OutputCheck): void {
  if (isIndex) specs.forEach(refuseIndex);
  const destinations = specs.flatMap((spec) => ('dest' in spec ? [spec] : []));
  const toStdout = destinations.filter(({ dest }) => dest === stdoutDest);
  const [first, second] = toStdout;
  if (second !== undefined) {
    throw new TsbuildError('usage', 'OUTPUT_STDOUT_TWICE', '--output: multiple outputs configured to write to stdout', {
      hint: 'Give all but one of them a file: dest=FILE.',
    });
  }
  if (first !== undefined && stdoutIsTerminal) {
    throw outputToTerminal(`--output: dest file is required for ${first.type} exporter`);
  }
  for (const spec of destinations) if (spec.dest !== stdoutDest) checkDestination(spec.dest, isFolderOutput(spec));
}

/** Docker archives hold single images, and a plain tree one platform. */
function refuseIndex(spec: OutputSpec): void {
  const isJoined = spec.type === 'local' && spec.platformSplit === false;
  if (spec.type !== 'docker' && spec.type !== 'load' && spec.type !== 'tar' && !isJoined) return;
  const type = spec.type === 'load' ? 'docker' : spec.type;
  throw new TsbuildError('usage', 'OUTPUT_PLATFORMS', `--output: ${type} exporter does not support several platforms${isJoined ? ' in one folder' : ''}`, {
    hint: isJoined ? 'Leave platform-split=false out.' : 'Use type=oci, or type=local with a folder for each platform, or build for one platform.',
  });
}

function isFolderOutput(spec: OutputSpec): boolean {
  return spec.type === 'local' || ((spec.type === 'oci' || spec.type === 'docker') && !spec.tar);
}

function checkDestination(dest: string, isFolder: boolean): void {
  try {
    const found = statSync(dest, { throwIfNoEntry: false });
    if (found === undefined) return isFolder ? undefined : accessSync(dirname(dest), constants.W_OK);
    if (found.isFile() || found.isDirectory()) accessSync(dest, constants.W_OK);
    if (found.isDirectory() === isFolder) return;
  } catch (error) {
    throw diskError(error, { operation: 'write output', path: dest, owner: 'output' });
  }
  throw isFolder ? destinationIsFile(dest) : destinationIsFolder(dest);
}
