/** SOURCE_DATE_EPOCH: which value counts, and what it is the time of. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseDockerfile } from '../../src/dockerfile/parse.ts';
import { findEpoch, settleEpoch, type EpochSource } from '../../src/graph/source-date-epoch.ts';
import { inputOf } from './support.ts';

const stages = `
FROM scratch AS git
ARG owner=o
ADD https://h/$owner/r.git#v1:d /
FROM scratch AS http
ADD --checksum=sha256:${'a'.repeat(64)} https://h/f.tgz /
FROM scratch AS kept
ADD --keep-git-dir=true https://h/r /
FROM scratch
`;

function sourceOf(args: Readonly<Record<string, string>>, head = '', contexts: readonly string[] = []): EpochSource {
  return findEpoch(inputOf(head + stages, { args, contexts: Object.fromEntries(contexts.map((name) => [name, 'directory'] as const)) }));
}

const given = (value: string): EpochSource => sourceOf({ SOURCE_DATE_EPOCH: value }, '', ['named', 'git']);
const seconds = (value: number): EpochSource => ({ kind: 'seconds', seconds: value });

test('A4.6 a number is seconds, up to the end of the year 9999', () => {
  assert.deepEqual([given('0'), given('1700000000'), given('+5'), given('253402300799')], [seconds(0), seconds(1_700_000_000), seconds(5), seconds(253_402_300_799)]);
});

test('A4.6 a build argument comes before an ARG above the first FROM; an empty one means no time', () => {
  assert.deepEqual(sourceOf({}, 'ARG SOURCE_DATE_EPOCH=5'), seconds(5));
  assert.deepEqual(sourceOf({}, 'ARG year=7\nARG SOURCE_DATE_EPOCH=${year}0'), seconds(70));
  assert.deepEqual(sourceOf({ SOURCE_DATE_EPOCH: '6' }, 'ARG SOURCE_DATE_EPOCH=5'), seconds(6));
  for (const [args, head] of [[{}, ''], [{}, 'ARG SOURCE_DATE_EPOCH'], [{}, 'ARG SOURCE_DATE_EPOCH='], [{ SOURCE_DATE_EPOCH: '' }, 'ARG SOURCE_DATE_EPOCH=5']] as const) {
    assert.deepEqual(sourceOf(args, head), { kind: 'none' }, head);
  }
});

test('A4.6 a word is the main context, a named one, or a stage of one remote ADD, in this order', () => {
  assert.deepEqual(given('context'), { kind: 'context', name: '' });
  assert.deepEqual(given('named'), { kind: 'context', name: 'named' });
  assert.deepEqual(given('git'), { kind: 'context', name: 'git' });
  const git = sourceOf({ SOURCE_DATE_EPOCH: 'GIT', owner: 'me' });
  assert.ok(git.kind === 'git', git.kind);
  assert.deepEqual([git.url.remote, git.url.ref, git.url.subdirectory, git.keepsGit], ['https://h/me/r.git', 'v1', 'd', false]);
  assert.deepEqual(given('http'), { kind: 'http', url: 'https://h/f.tgz', checksum: `sha256:${'a'.repeat(64)}` });
  const kept = given('kept');
  assert.deepEqual(kept.kind === 'git' && [kept.url.remote, kept.keepsGit], ['https://h/r', true]);
});

test('A4.6 what is no time is an error with a hint, at the line that says it', () => {
  const refused = (value: string, head: string, message: RegExp, line: number | undefined): void => {
    assert.throws(() => sourceOf(value === '' ? {} : { SOURCE_DATE_EPOCH: value }, head), (error: unknown) => {
      const { code, errorClass, hint, message: text, position } = error as { code: string; errorClass: string; hint?: string; message: string; position?: { startLine: number } };
      assert.deepEqual([code, errorClass, position?.startLine], ['EPOCH_INVALID', 'usage', line], text);
      assert.match(hint ?? '', /seconds since 1970/);
      assert.match(text, message);
      return true;
    });
  };
  refused('now', '', /SOURCE_DATE_EPOCH=now: it is no number of seconds/, undefined);
  refused('', 'ARG SOURCE_DATE_EPOCH=1.5', /1\.5: it is no number/, 1);
  refused('253402300800', '', /after the year 9999/, undefined);
  refused('9'.repeat(40), '', /after the year 9999/, undefined);
  refused('-1', '', /before 1970/, undefined);
  const stage = (lines: string): string => `ARG base=scratch\nFROM $base AS it\n${lines}`;
  refused('it', 'FROM busybox AS it', /is not FROM scratch/, 1);
  refused('it', 'FROM busybox AS it\nADD https://h/f /', /is not FROM scratch/, 1);
  refused('it', stage('ARG x'), /has no ADD of an address/, 2);
  refused('it', stage('ADD https://h/f /\nADD https://h/g /'), /more than one ADD of an address: ADD/, 4);
  refused('it', stage('ADD https://h/f /\nLABEL a=b'), /LABEL/, 4);
  refused('it', stage('ADD f /'), /of no address/, 3);
  refused('it', stage('ADD https://h/f https://h/g /'), /several sources/, 3);
  refused('it', stage('ADD <<E /\nE'), /several sources/, 3);
});

test('A4.6 a stage that names itself by SOURCE_DATE_EPOCH is not read in a circle', () => {
  assert.throws(() => sourceOf({ SOURCE_DATE_EPOCH: 'it' }, 'ARG SOURCE_DATE_EPOCH\nFROM scratch AS it\nADD https://h/${SOURCE_DATE_EPOCH:?unset} /'), /unset/);
});

test('A4.6 the time stands in place of what it was taken of; where there is none the argument was not given', () => {
  const settled = (args: Readonly<Record<string, string>>, head: string, time: number | null): unknown => {
    const { buildArgs, dockerfile } = settleEpoch({ buildArgs: new Map(Object.entries(args)), dockerfile: parseDockerfile(head + stages, 'Dockerfile') }, time);
    return [Object.fromEntries(buildArgs), dockerfile.globalArgs.flatMap((instruction) => instruction.args)];
  };
  assert.deepEqual(settled({ SOURCE_DATE_EPOCH: 'context', a: 'b' }, 'ARG SOURCE_DATE_EPOCH=git c=d', 5), [{ SOURCE_DATE_EPOCH: '5', a: 'b' }, [{ key: 'SOURCE_DATE_EPOCH', value: '5' }, { key: 'c', value: 'd' }]]);
  assert.deepEqual(settled({ SOURCE_DATE_EPOCH: 'context' }, 'ARG SOURCE_DATE_EPOCH=5', null), [{}, [{ key: 'SOURCE_DATE_EPOCH' }]]);
  assert.deepEqual(settled({}, 'ARG SOURCE_DATE_EPOCH', 5), [{}, [{ key: 'SOURCE_DATE_EPOCH' }]]);
});
