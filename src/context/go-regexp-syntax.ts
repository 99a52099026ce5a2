/**
 * Regular expressions in Go's syntax (package regexp/syntax, Perl flags), as far as moby/patternmatcher can make them out of
 * a pattern. Read into a tree here, matched in `go-regexp.ts`. Start at `parseGoRegexp`.
 */

/** Whether a character, given as its code point, is one of a class. */
export type CharTest = (code: number) => boolean;

export type RegexpNode =
  | { readonly kind: 'char'; readonly test: CharTest }
  | { readonly kind: 'assertion'; readonly holds: (before: number, after: number) => boolean }
  | { readonly kind: 'sequence'; readonly nodes: readonly RegexpNode[] }
  | { readonly kind: 'choice'; readonly nodes: readonly RegexpNode[] }
  /** `max` is null where there is none. */
  | { readonly kind: 'repeat'; readonly node: RegexpNode; readonly min: number; readonly max: number | null };

/** Stands for the code points before the text and behind it. */
export const edge = -1;

/** Most often that something may be repeated by `{n}`, as in Go. */
const repeatCountMax = 1000;

const isDigit: CharTest = (code) => code >= 0x30 && code <= 0x39;
const isWord: CharTest = (code) => isDigit(code) || (code >= 0x41 && code <= 0x5a) || code === 0x5f || (code >= 0x61 && code <= 0x7a);
const isSpace: CharTest = (code) => code === 0x20 || code === 0x09 || code === 0x0a || code === 0x0c || code === 0x0d;
const perlClasses: Readonly<Record<string, CharTest>> = { d: isDigit, s: isSpace, w: isWord };

const posixClasses: Readonly<Record<string, CharTest>> = {
  alnum: (code) => isWord(code) && code !== 0x5f,
  alpha: (code) => isWord(code) && code !== 0x5f && !isDigit(code),
  ascii: (code) => code <= 0x7f,
  blank: (code) => code === 0x09 || code === 0x20,
  cntrl: (code) => code <= 0x1f || code === 0x7f,
  digit: isDigit,
  graph: (code) => code > 0x20 && code < 0x7f,
  lower: (code) => code >= 0x61 && code <= 0x7a,
  print: (code) => code >= 0x20 && code < 0x7f,
  punct: (code) => code > 0x20 && code < 0x7f && (!isWord(code) || code === 0x5f),
  space: (code) => isSpace(code) || code === 0x0b,
  upper: (code) => code >= 0x41 && code <= 0x5a,
  word: isWord,
  xdigit: (code) => isDigit(code) || (code >= 0x41 && code <= 0x46) || (code >= 0x61 && code <= 0x66),
};

const assertions: Readonly<Record<string, (before: number, after: number) => boolean>> = {
  A: (before) => before === edge,
  z: (_before, after) => after === edge,
  b: (before, after) => isWord(before) !== isWord(after),
  B: (before, after) => isWord(before) === isWord(after),
};

const controls: Readonly<Record<string, number>> = { a: 7, f: 12, n: 10, r: 13, t: 9, v: 11 };

/** A regular expression that Go refuses. The message says what is wrong with it. */
export class GoRegexpError extends Error {}

/** @throws GoRegexpError */
export function parseGoRegexp(text: string): RegexpNode {
  return new Parser(text).parse();
}

/** Characters of an expression: longer ones come from nobody who wants something ignored. */
const expressionLengthMax = 50_000;

class Parser {
  readonly #text: string;
  readonly #chars: readonly string[];
  /** Where in the text each character begins. */
  readonly #offsets: Uint32Array;
  #at = 0;

  /** @throws GoRegexpError for a text that is too long */
  constructor(text: string) {
    if (text.length > expressionLengthMax) throw new GoRegexpError(`it has more than ${expressionLengthMax} characters`);
    this.#text = text;
    this.#chars = [...text];
    this.#offsets = new Uint32Array(this.#chars.length + 1);
    for (const [number, char] of this.#chars.entries()) this.#offsets[number + 1] = (this.#offsets[number] ?? 0) + char.length;
  }

  parse(): RegexpNode {
    const node = this.#readChoice();
    if (this.#peek() !== undefined) throw new GoRegexpError('unexpected )');
    return node;
  }

  #peek(ahead = 0): string | undefined {
    return this.#chars[this.#at + ahead];
  }

  #next(): string | undefined {
    const char = this.#peek();
    this.#at += 1;
    return char;
  }

  /** What a sticky expression finds exactly here. */
  #match(sticky: RegExp): RegExpExecArray | null {
    sticky.lastIndex = this.#offsets[this.#at] ?? this.#text.length;
    return sticky.exec(this.#text);
  }

  #take(char: string): boolean {
    if (this.#peek() !== char) return false;
    this.#at += 1;
    return true;
  }

  #readChoice(): RegexpNode {
    const nodes = [this.#readSequence()];
    while (this.#take('|')) nodes.push(this.#readSequence());
    return { kind: 'choice', nodes };
  }

  #readSequence(): RegexpNode {
    const nodes: RegexpNode[] = [];
    for (let char = this.#peek(); char !== undefined && char !== '|' && char !== ')'; char = this.#peek()) {
      const bounds = this.#readRepeat();
      if (bounds === null) nodes.push(...this.#readAtoms());
      else nodes.push(this.#repeat(nodes.pop(), bounds));
    }
    return { kind: 'sequence', nodes };
  }

  #repeat(node: RegexpNode | undefined, { min, max }: { readonly min: number; readonly max: number | null }): RegexpNode {
    if (node === undefined) throw new GoRegexpError('nothing to repeat');
    if (node.kind === 'repeat') throw new GoRegexpError('a repetition of a repetition');
    if (min > repeatCountMax || (max !== null && (max > repeatCountMax || max < min))) throw new GoRegexpError('invalid count of repetitions');
    return { kind: 'repeat', node, min, max };
  }

  /** An operator of repetition, if one stands here. A `{` that begins none is an ordinary character. */
  #readRepeat(): { readonly min: number; readonly max: number | null } | null {
    if (this.#take('*')) return { min: 0, max: null };
    if (this.#take('?')) return { min: 0, max: 1 };
    const counts = this.#match(/\{(0|[1-9]\d*)(?:(,)(0|[1-9]\d*)?)?\}/y);
    if (counts === null) return null;
    this.#at += counts[0].length;
    const min = Number(counts[1]);
    return { min, max: counts[2] === undefined ? min : counts[3] === undefined ? null : Number(counts[3]) };
  }

  #readAtoms(): readonly RegexpNode[] {
    const char = this.#next() ?? '';
    switch (char) {
      case '^':
        return [{ kind: 'assertion', holds: (before) => before === edge }];
      case '$':
        return [{ kind: 'assertion', holds: (_before, after) => after === edge }];
      case '.':
        return [{ kind: 'char', test: (code) => code !== 0x0a }];
      case '(':
        return [this.#readGroup()];
      case '[':
        return [{ kind: 'char', test: this.#readClass() }];
      case '\\':
        return this.#readEscaped();
      default:
        return [charNode(char)];
    }
  }

  #readGroup(): RegexpNode {
    const node = this.#readChoice();
    if (!this.#take(')')) throw new GoRegexpError('missing )');
    return node;
  }

  #readEscaped(): readonly RegexpNode[] {
    const char = this.#peek() ?? '';
    const holds = assertions[char];
    if (holds !== undefined) {
      this.#at += 1;
      return [{ kind: 'assertion', holds }];
    }
    if (this.#take('Q')) return this.#readQuoted();
    return [{ kind: 'char', test: this.#readEscapedClass() ?? equals(this.#readEscapedChar()) }];
  }

  /** `\Q…\E`: everything as it stands. */
  #readQuoted(): readonly RegexpNode[] {
    const nodes: RegexpNode[] = [];
    for (let char = this.#next(); char !== undefined; char = this.#next()) {
      if (char === '\\' && this.#take('E')) break;
      nodes.push(charNode(char));
    }
    return nodes;
  }

  /** A class that a backslash begins, read from behind it; null where it begins none. */
  #readEscapedClass(): CharTest | null {
    const char = this.#peek() ?? '';
    const perl = perlClasses[char.toLowerCase()];
    if (perl !== undefined) {
      this.#at += 1;
      return char >= 'a' ? perl : not(perl);
    }
    if (char !== 'p' && char !== 'P') return null;
    this.#at += 1;
    return this.#readUnicodeClass(char === 'P');
  }

  #readUnicodeClass(isNegated: boolean): CharTest {
    const first = this.#next() ?? '';
    let name = first;
    if (first === '{') {
      const end = this.#chars.indexOf('}', this.#at);
      if (end < 0) throw new GoRegexpError('missing }');
      name = this.#chars.slice(this.#at, end).join('');
      this.#at = end + 1;
    }
    const test = unicodeClass(name.replace(/^\^/, ''));
    return isNegated !== name.startsWith('^') ? not(test) : test;
  }

  /** One character behind a backslash. */
  #readEscapedChar(): number {
    const char = this.#next() ?? '';
    const control = controls[char];
    if (control !== undefined) return control;
    if (char === 'x') return this.#readHexadecimal();
    if (/^[0-7]$/.test(char)) return this.#readOctal(char);
    if (/^[\0-\x7f]$/.test(char) && !/^[0-9A-Za-z]$/.test(char)) return char.charCodeAt(0);
    throw new GoRegexpError(`\\${char} is no escape`);
  }

  /** Up to three digits; a single one but 0 would be a reference back, which Go does not have. */
  #readOctal(first: string): number {
    let digits = first;
    while (digits.length < 3 && /^[0-7]$/.test(this.#peek() ?? '')) digits += this.#next() ?? '';
    if (digits.length === 1 && first !== '0') throw new GoRegexpError(`\\${first} is no escape`);
    return Number.parseInt(digits, 8);
  }

  #readHexadecimal(): number {
    const match = this.#match(/\{([0-9A-Fa-f]+)\}|([0-9A-Fa-f]{2})/y);
    const code = Number.parseInt(match?.[1] ?? match?.[2] ?? '', 16);
    if (match === null || code > 0x10ffff) throw new GoRegexpError('\\x wants the number of a character');
    this.#at += match[0].length;
    return code;
  }

  #readClass(): CharTest {
    const isNegated = this.#take('^');
    const tests: CharTest[] = [];
    while (tests.length === 0 || !this.#take(']')) {
      if (this.#peek() === undefined) throw new GoRegexpError('missing ]');
      tests.push(this.#readPosixClass() ?? this.#readClassEscape() ?? this.#readRange());
    }
    return isNegated ? (code) => !tests.some((test) => test(code)) : (code) => tests.some((test) => test(code));
  }

  #readPosixClass(): CharTest | null {
    const match = this.#match(/\[:(\^?)(.*?):\]/sy);
    if (match === null) return null;
    const test = Object.hasOwn(posixClasses, match[2] ?? '') ? posixClasses[match[2] ?? ''] : undefined;
    if (test === undefined) throw new GoRegexpError(`${match[0]} is no class`);
    this.#at += [...match[0]].length;
    return match[1] === '^' ? not(test) : test;
  }

  #readClassEscape(): CharTest | null {
    if (this.#peek() !== '\\') return null;
    this.#at += 1;
    const test = this.#readEscapedClass();
    if (test === null) this.#at -= 1;
    return test;
  }

  #readRange(): CharTest {
    const low = this.#readClassChar();
    if (this.#peek() !== '-' || this.#peek(1) === ']' || this.#peek(1) === undefined) return equals(low);
    this.#at += 1;
    const high = this.#readClassChar();
    if (high < low) throw new GoRegexpError('a range of characters that ends before it begins');
    return (code) => low <= code && code <= high;
  }

  #readClassChar(): number {
    if (this.#take('\\')) return this.#readEscapedChar();
    return this.#next()?.codePointAt(0) ?? 0;
  }
}

function charNode(char: string): RegexpNode {
  return { kind: 'char', test: equals(char.codePointAt(0) ?? 0) };
}

function equals(wanted: number): CharTest {
  return (code) => code === wanted;
}

function not(test: CharTest): CharTest {
  return (code) => !test(code);
}

/** Go's names for categories have one or two letters, all others are scripts. */
function unicodeClass(name: string): CharTest {
  if (name === 'Any') return () => true;
  const property = /^[A-Z][a-z]?$/.test(name) ? name : `Script=${name}`;
  try {
    const test = new RegExp(`^\\p{${property}}$`, 'u');
    return (code) => code !== edge && test.test(String.fromCodePoint(code));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new GoRegexpError(`\\p{${name}} is no class`);
  }
}
