/** A long Dockerfile: every kind of instruction, four stages, two of them built at once. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { BuildEvent } from '../../src/base/events.ts';
import { copyFixture, fromLayout } from '../support/context.ts';
import { buildahRun } from '../support/foreign-tools.ts';
import { forJudging, judgeBuild } from '../support/judge-image.ts';
import { skipWithout } from '../support/needs.ts';
import { stepLives } from '../support/raw-events.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const words = [
  'FROM', 'RUN', 'CMD', 'LABEL', 'MAINTAINER', 'EXPOSE', 'ENV', 'ADD', 'COPY', 'ENTRYPOINT', 'VOLUME', 'USER', 'WORKDIR', 'ARG', 'ONBUILD',
  'STOPSIGNAL', 'HEALTHCHECK', 'SHELL',
];

test('a Dockerfile of more than forty instructions over four stages builds two stages at once', { skip: skipWithout(...forJudging) }, async (t) => {
  const folder = temporaryFolder(t);
  const context = await copyFixture('forty-instructions', folder);
  checkFixture(await readFile(join(context, 'Dockerfile'), 'utf8'));
  const { first, archive } = await judgeBuild({ args: [...await fromLayout('busybox'), context], folder, call: { store: join(folder, 'store') } });
  assert.ok(overlapMs(first.events, 'left', 'right') > 0, 'a RUN of each stage was going on at the same time');
  assert.equal(await buildahRun(t, archive, ['/bin/cat', '/app/left/both.txt', '/app/left/tree/leaf/new', '/app/left/who']), 'one\ntwo\nnew\n65534\n');
});

function checkFixture(text: string): void {
  const instructions = text.split('\n').map((line) => line.split(' ', 1)[0] ?? '').filter((word) => words.includes(word));
  assert.ok(instructions.length >= 40, `${String(instructions.length)} instructions`);
  assert.equal(instructions.filter((word) => word === 'FROM').length, 4);
  assert.deepEqual(words.filter((word) => !instructions.includes(word)), []);
}

/** For how long a RUN of one stage and a RUN of the other were going on together. */
function overlapMs(events: readonly BuildEvent[], left: string, right: string): number {
  const lives = stepLives(events).filter(({ step, cached }) => !cached && / RUN /.test(step.name));
  const of = (stage: string) => lives.filter(({ step }) => step.name.startsWith(`[${stage} `));
  const overlaps = of(left).flatMap((a) => of(right).map((b) => Math.min(a.endMs, b.endMs) - Math.max(a.startMs, b.startMs)));
  return Math.max(0, ...overlaps);
}
