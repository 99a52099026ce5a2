/**
 * Cases whose behaviour a test of another builder's suite shows: a context, a Dockerfile, and the files that end in the
 * image. The words and Dockerfiles are ours. Start at `openForeignBench`.
 */
import assert from 'node:assert/strict';
import { baseImage } from './base-images.ts';
import { mergeLayers, openCopyBench } from './copy-bench.ts';

export interface ForeignCase {
  /** The suite's test that shows the behaviour. */
  readonly of: string;
  /** A shell script that makes the context (`CopyCase`). */
  readonly context?: string;
  /** Lines of the Dockerfile; a busybox is the named context `base`. */
  readonly lines: readonly string[];
  readonly args?: Readonly<Record<string, string>>;
  readonly target?: string;
  /** Every file of the image but those of the base: `PATH TYPE MODE OWNER CONTENT`. */
  readonly tree?: readonly string[];
  /** Code of the error, and the line that it stands at, if the build is refused. */
  readonly refused?: readonly [code: string, line: number];
}

export interface ForeignBench {
  /** Builds the case and compares what it gives. */
  check(one: ForeignCase): Promise<void>;
  close(): Promise<void>;
}

/** One store and one base for all cases of a file. */
export async function openForeignBench(): Promise<ForeignBench> {
  const bench = await openCopyBench();
  const buildContexts = [{ name: 'base', value: `oci-layout://${await baseImage('busybox')}:latest` }];
  const below = await bench.build({ dockerfile: 'FROM base\n', options: { buildContexts } });
  return {
    check: async ({ of, context = 'true', lines, args = {}, target, tree, refused }) => {
      const buildArgs = Object.entries(args).map(([key, value]) => ({ key, value }));
      const test = { context, dockerfile: `${lines.join('\n')}\n`, options: { buildContexts, buildArgs, ...(target === undefined ? {} : { target }) } };
      if (refused !== undefined) {
        const error = await bench.refuse(test);
        assert.deepEqual([error.code, error.position?.startLine], refused, `${of}: ${error.message}`);
        return;
      }
      const { entries, diffIDs } = await bench.build(test);
      const isOver = below.diffIDs.every((diffID, index) => diffIDs[index] === diffID);
      assert.deepEqual(mergeLayers(isOver ? entries.slice(below.diffIDs.length) : entries), tree, of);
    },
    close: () => bench.close(),
  };
}
