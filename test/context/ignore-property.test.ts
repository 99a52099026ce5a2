/** `.dockerignore` on random rules and paths: what src/context says against the plainest words (naive-ignore.ts). */
import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import fc from 'fast-check';
import { matchesPattern, reachesBelow } from '../../src/context/ignore-pattern.ts';
import { parseIgnore } from '../../src/context/ignore.ts';
import { openIgnore } from '../../src/context/open-ignore.ts';
import { walkTree } from '../../src/context/tree.ts';
import { assertProperty } from '../support/property.ts';
import { naiveIgnore } from './naive-ignore.ts';
import { readerOf, treeOf } from './support.ts';

const letters = fc.constantFrom('a', 'b', 'ab', 'c', 'x');
const oddNames = fc.constantFrom('.', '..a', '.a', 'a.b', 'é', '😀', '\udcff', '\ufffd', '*', '?', '[a]', 'a b', ' a', '!a', '#a', '\\', '-', 'a\nb', 'A', 'a+b', '$', '(a)', '\u0085', '~');
const name = fc.oneof({ weight: 4, arbitrary: letters }, { weight: 1, arbitrary: oddNames.filter((text) => text !== '.') });
const path = fc.array(name, { minLength: 1, maxLength: 4 }).map((names) => names.join('/'));
const piece = fc.oneof(
  { weight: 6, arbitrary: letters },
  { weight: 4, arbitrary: fc.constantFrom('/', '/', '*', '**', '**/', '/**', '?', '***', '**/*.b', '.b') },
  { weight: 2, arbitrary: fc.constantFrom('[a-c]', '[^a]', '[^a-b]', '[ab]', '[a\\-c]', '[\\]]', '[é-ü]', '[😀-😂]', '[.]', '[!a]', '[ab-c]', '\\*', '\\?', '\\[', '\\\\', '\\ ', '\\.', '\\-') },
  { weight: 1, arbitrary: oddNames.filter((text) => !/[*?[\\\n]/.test(text)) },
  { weight: 1, arbitrary: fc.constantFrom('/./', '/../', '../', './', '//', '..', ' ', '\t', '+', '$', ')', ']', '}', '@') },
);
const pattern = fc.array(piece, { minLength: 1, maxLength: 6 }).map((pieces) => pieces.join(''));
const line = fc.oneof(
  { weight: 12, arbitrary: fc.tuple(fc.constantFrom('', '', '', '!', '! ', ' !', '/', '!/', '\\!', '  '), pattern, fc.constantFrom('', '', '', '/', '  ', '\r', '\t', '//')).map((parts) => parts.join('')) },
  { weight: 1, arbitrary: fc.constantFrom('', '# comment', '#a', ' #a', '\ufeffa', '\ufeff# a', '\r', '   ', '.', '/', '..', '**', '*', '!**', '!*') },
);
const ignoreFile = fc.tuple(fc.constantFrom('', '', '\ufeff'), fc.array(line, { maxLength: 7 })).map(([mark, lines]) => mark + lines.join('\n'));

/** Null for a file that is refused. */
function openFile(text: string): ReturnType<typeof openIgnore> | null {
  try {
    return openIgnore(parseIgnore(text, '.dockerignore'));
  } catch (error) {
    assert.equal((error as { readonly code?: unknown }).code, 'IGNORE_INVALID', String(error));
    return null;
  }
}

test('property: 10,000 lists of rules ignore what they ignore in the plainest words', () => {
  let lists = 0;
  let ignored = 0;
  assertProperty(fc.property(ignoreFile, fc.array(path, { minLength: 6, maxLength: 6 }), (text, paths) => {
    const open = openFile(text);
    if (open === null) return;
    lists += 1;
    const isIgnored = naiveIgnore(text);
    for (const one of paths) {
      const expected = isIgnored(one);
      if (expected) ignored += 1;
      assert.equal(open.isIgnored(one), expected, `${JSON.stringify(text)} and ${JSON.stringify(one)}`);
    }
  }), { numRuns: 10_500 });
  // The lists must be such that the property says something.
  assert.ok(lists >= 9000 && ignored > 5000 && ignored < 6 * lists, `${lists} lists, ${ignored} ignored`);
});

test('property: walking finds exactly the files that are not ignored, and enters no directory in vain', () => {
  assertProperty(fc.property(fc.array(path, { minLength: 1, maxLength: 10 }), ignoreFile, (files, text) => {
    const open = openFile(text);
    if (open === null) return;
    const list = files.map((file) => `${file}/f`);
    const { read, counts } = readerOf(list);
    const tree = treeOf(list, text.split('\n'), read);
    const walked = [...walkTree(tree, '')].map((child) => child.path);
    const isIgnored = naiveIgnore(text);
    const expected = [...new Set(list)].filter((file) => !isIgnored(file)).sort();
    assert.deepEqual(walked.filter((one) => one.endsWith('/f')).sort(), expected);
    const seen = new Set(['']);
    for (const one of walked) {
      assert.ok(seen.has(one.slice(0, Math.max(0, one.lastIndexOf('/')))), `${one} comes behind its directory`);
      seen.add(one);
    }
    for (const [directory, count] of counts) assert.ok(count === 1 && (directory === '' || !open.isIgnored(directory) || open.mayHoldExceptions(directory)), directory);
  }), { numRuns: 1500 });
});

test('property: a directory that holds a match is reached', () => {
  assertProperty(fc.property(pattern, path, path, (given, directory, below) => {
    const [rule] = openFile(given) === null ? [] : parseIgnore(given, 'f').rules;
    if (rule !== undefined && matchesPattern(rule.pattern, `${directory}/${below}`)) assert.ok(reachesBelow(rule.pattern, directory), `${given} below ${directory}`);
  }), { numRuns: 5000 });
});

