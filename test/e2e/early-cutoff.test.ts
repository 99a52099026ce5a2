/** A RUN that was edited but writes the same bytes does not make the steps after it run again. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { fromLayout, writeContext } from '../support/context.ts';
import { forRun, skipWithout } from '../support/needs.ts';
import { instructionsRun } from '../support/raw-events.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { mustBuild } from '../support/tsbuild.ts';

const skip = skipWithout(...forRun);
const dockerfile = (run: string): string => `FROM busybox\n${run}\nRUN tr a-z A-Z < /made > /upper\nCOPY file /file\nRUN cat /upper /file > /both\n`;

interface Edit {
  readonly name: string;
  readonly before: string;
  readonly after: string;
  readonly runsAgain: readonly string[];
}

const edits: readonly Edit[] = [
  { name: 'the same bytes by other words', before: 'RUN echo hello > /made', after: "RUN printf 'hello\\n' > /made", runsAgain: ["RUN printf 'hello\\n' > /made"] },
  {
    name: 'other bytes', before: 'RUN echo hello > /made', after: 'RUN echo other > /made',
    runsAgain: ['RUN echo other > /made', 'RUN tr a-z A-Z < /made > /upper', 'RUN cat /upper /file > /both'],
  },
];

for (const { name, before, after, runsAgain } of edits) {
  test(`an edited RUN runs again, and after it only what it changed: ${name}`, { skip }, async (t) => {
    const folder = temporaryFolder(t);
    const call = { store: join(folder, 'store') };
    const context = await writeContext(folder, { Dockerfile: dockerfile(before), file: 'of the context\n' });
    const args = ['--network=none', ...await fromLayout('busybox'), context];
    const first = await mustBuild(args, call);
    await writeFile(join(context, 'Dockerfile'), dockerfile(after));
    const second = await mustBuild(args, call);
    assert.deepEqual(instructionsRun(second.events).filter((text) => text.startsWith('RUN')), runsAgain);
    assert.equal(second.summary?.stepsTotal, first.summary?.stepsTotal);
  });
}
