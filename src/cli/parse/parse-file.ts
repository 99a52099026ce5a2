/** Reads a Dockerfile from a path or from standard input and parses it. Loads nothing that a build needs. */
import { resolve } from 'node:path';
import { readDockerfileAt, readDockerfileStream } from '../../build/read-dockerfile.ts';
import { parseDocument, type ParseDocument } from '../../dockerfile/parse-document.ts';

const hint = 'Name the Dockerfile: tsbuild parse FILE; the path is relative to the current directory.';

/** What reading needs of the process. */
export interface ParseFileContext {
  readonly workingDirectory: string;
  /** Called only where the file is `-`. */
  readonly openStdin: () => AsyncIterable<string | Uint8Array>;
  /** Gets the text before it is parsed, so that errors can show its lines. */
  readonly onDockerfile: (file: string, text: string) => void;
}

/** @throws TsbuildError class usage: `DOCKERFILE_MISSING`, `DOCKERFILE_UNREADABLE`, `DOCKERFILE_TOO_LARGE`, and what parsing throws */
export async function parseFile(file: string, context: ParseFileContext): Promise<ParseDocument> {
  const bytes = file === '-' ? await readDockerfileStream(context.openStdin(), file) : await readDockerfileAt(resolve(context.workingDirectory, file), file, hint);
  context.onDockerfile(file, bytes.toString('utf8'));
  return parseDocument(bytes, file);
}
