/**
 * Random Dockerfiles as people and attackers write them: directives, either escape character, continuations with comments
 * and empty lines in them, several here-documents a line, flags in quotes, JSON, legacy ENV, ONBUILD, odd characters.
 * Most of them parse. Start at `randomDockerfile`.
 */
import fc from 'fast-check';

type Text = fc.Arbitrary<string>;

const several = (text: Text, max: number, min = 0): Text => fc.array(text, { minLength: min, maxLength: max }).map((parts) => parts.join(''));
const pick = (...texts: readonly string[]): Text => fc.constantFrom(...texts);

const odd = pick('\ufeff', '\u2028', '\u00a0', '\u0085', '\u0000', '\v', 'é', '😀', '__proto__', '#', '=', ',', '[', ']', '<', '-', '--', ':');
const plain = fc.oneof({ weight: 12, arbitrary: pick('a', 'b', 'cat', '/x', 'x=1', '.', '$A', '${A:-b}', '&&') }, { weight: 1, arbitrary: odd });
const gap = pick(' ', ' ', ' ', '  ', '\t', ' \f');

/** Characters that mean something to the lexers, always whole: no quote stays open. */
function quotedPiece(escape: string): Text {
  return fc.oneof(plain, pick('"a b"', "'a b'", '"$A"', `${escape}${escape}`, `${escape} `, `${escape}"`, `"${escape}""`, `'"'`, `"'"`, "'<<E'", '"  "'));
}

/** Words; now and then one with an open quote, which takes the rest of its line. */
function words(escape: string, max: number, min = 1): Text {
  const word = fc.oneof({ weight: 9, arbitrary: several(quotedPiece(escape), 3, 1) }, { weight: 5, arbitrary: several(plain, 2, 1) }, { weight: 1, arbitrary: pick('"', "'", 'it\'s', '${', escape) });
  return fc.array(fc.tuple(gap, word), { minLength: min, maxLength: max }).map((list) => list.map(([blank, text]) => blank + text).join(''));
}

/**
 * Under the backtick, an escaped quote in a flag opens a quote for here-documents alone, as those know the backslash only.
 * What it hides then depends on how every other quote of the line was written, which no document says: it is left out.
 */
function flags(names: readonly string[], escape: string): Text {
  const piece = quotedPiece(escape).filter((text) => escape === '\\' || !text.includes('`"'));
  const flag = fc.tuple(gap, pick(...names), fc.oneof(fc.constant(''), several(piece, 3).map((value) => `=${value}`)));
  return fc.array(flag, { maxLength: 2 }).map((list) => list.map(([blank, name, value]) => `${blank}--${name}${value}`).join(''));
}

/** What an instruction says on its line, and the bodies that follow it. */
interface Written {
  readonly line: string;
  readonly bodies: string;
}

const alone = (text: Text): fc.Arbitrary<Written> => text.map((line) => ({ line, bodies: '' }));

const bodyLine = fc.oneof(pick('x', '\ty', '', ' EOF', 'EOF ', '# no comment', 'RUN z', 'a\\', '<<EOF', '"', '$A'), several(plain, 3));
const heredoc = fc.record({
  name: pick('EOF', 'E', 'a.txt', '__proto__', '日', 'E F'), descriptor: pick('', '', '3', '0'), chomp: fc.boolean(), quote: fc.integer({ min: 0, max: 3 }), blank: pick('', '', ' ', '\t'),
  lines: fc.array(bodyLine, { maxLength: 3 }), feed: pick('\n', '\n', '\r\n'),
}).map(({ name, descriptor, chomp, quote, blank, lines, feed }): Written => {
  const delimiters = name.includes(' ') ? [`"${name}"`, `'${name}'`] : [name, `"${name}"`, `'${name}'`, `\\${name}`];
  const delimiter = delimiters[quote % delimiters.length] ?? name;
  const body = lines.filter((line) => (chomp ? line.replace(/^\t+/, '') : line) !== name);
  return { line: `${descriptor}<<${chomp ? '-' : ''}${blank}${delimiter}`, bodies: [...body, `${chomp ? '\t' : ''}${name}`].map((line) => line + feed).join('') };
});

/** Words with here-documents between them. */
function withHeredocs(before: Text, after: Text): fc.Arbitrary<Written> {
  const item = fc.tuple(gap, heredoc, fc.oneof(fc.constant(''), plain.map((word) => ` ${word}`)));
  return fc.tuple(before, fc.array(item, { minLength: 1, maxLength: 3 }), after).map(([start, items, end]) => ({
    line: start + items.map(([blank, { line }, word]) => blank + line + word).join('') + end,
    bodies: items.map(([, { bodies }]) => bodies).join(''),
  }));
}

const join = (...parts: readonly Text[]): Text => fc.tuple(...parts).map((texts) => texts.join(''));
const json = fc.array(fc.string({ unit: 'grapheme', maxLength: 4 }), { maxLength: 3 }).map((list) => ` ${JSON.stringify(list)}`);

function instruction(escape: string): fc.Arbitrary<Written> {
  const operands = words(escape, 4);
  const runFlags = flags(['mount', 'network', 'security', 'x'], escape);
  const copyFlags = flags(['from', 'chown', 'link', 'exclude', 'x'], escape);
  const pair = fc.tuple(several(plain, 2, 1), several(quotedPiece(escape), 3)).map(([name, value]) => ` ${name}=${value}`);
  const copy = pick('COPY', 'ADD', 'copy');
  return fc.oneof(
    alone(join(pick('RUN', 'run'), runFlags, operands)), alone(join(pick('RUN', 'CMD', 'ENTRYPOINT', 'SHELL', 'COPY', 'ADD', 'VOLUME', 'HEALTHCHECK CMD', 'HEALTHCHECK --interval=1s CMD'), json)),
    alone(join(copy, copyFlags, operands)), alone(join(pick('ENV', 'LABEL'), several(pair, 3, 1))), alone(join(pick('ENV a', 'ENV', 'LABEL a'), operands)), alone(join(pick('ARG'), words(escape, 3))),
    alone(join(pick('WORKDIR', 'USER', 'EXPOSE', 'VOLUME', 'STOPSIGNAL', 'MAINTAINER', 'CMD', 'ENTRYPOINT', 'HEALTHCHECK', 'HEALTHCHECK NONE', 'FROM', 'FROM a AS', 'RNU', 'X--'), words(escape, 3, 0))),
    withHeredocs(join(pick('RUN'), runFlags, words(escape, 2, 0)), words(escape, 1, 0)), withHeredocs(join(copy, copyFlags, words(escape, 1, 0)), pick(' /x', ' "/a b"', '')),
  );
}

/** Where a line may go on: at blanks, and within words. */
function layOut(line: string, cuts: readonly { readonly at: number; readonly text: string }[], escape: string): string {
  const places = new Map(cuts.map(({ at, text }) => [at % Math.max(line.length, 1), text]));
  return Array.from({ length: line.length }, (_, at) => {
    const text = at > 0 && line[at - 1] !== escape ? places.get(at) : undefined;
    return (text === undefined ? '' : escape + text) + line.charAt(at);
  }).join('');
}

const cut = fc.record({ at: fc.nat(80), text: pick('\n', '\r\n', '  \n', '\t\n', '\n# comment\n', '\n  # comment\n', '\n\n', '\n# a\\\n', '\n  ') });
const between = pick('', '', '', '\n', '# comment\n', '  \n', '#\n', '# a = b\n', '\t# x\\\n', '\r\n');

function body(escape: string): Text {
  const whole = fc.oneof({ weight: 5, arbitrary: instruction(escape) }, { weight: 1, arbitrary: fc.tuple(join(pick('ONBUILD', 'onbuild'), flags(['x'], escape)), instruction(escape)).map(([start, { line, bodies }]) => ({ line: `${start} ${line}`, bodies })) });
  const laid = fc.tuple(between, pick('', '', '  ', '\t'), whole, fc.array(cut, { maxLength: 3 }), pick('\n', '\n', '\r\n', ' \n'))
    .map(([before, indent, { line, bodies }, cuts, end]) => before + indent + layOut(line, cuts, escape) + end + bodies);
  return several(laid, 4, 1);
}

function head(escape: string): Text {
  const others = fc.subarray(['syntax=docker/dockerfile:1', 'check = skip=all;error=true', 'SYNTAX=é "x"'], { maxLength: 2 }).filter((list) => list.filter((line) => /^syntax/i.test(line)).length < 2);
  return fc.tuple(others, pick('# ', '#', '#\t')).map(([list, start]) => [...list, ...(escape === '`' ? ['escape=`'] : [])].map((line) => `${start}${line}\n`).join(''));
}

/** A Dockerfile's text. */
export const randomDockerfile: Text = pick('\\', '\\', '`').chain((escape) => join(pick('', '', '\ufeff'), head(escape), body(escape)));
