/**
 * The way back from what `tsbuild parse` prints to a Dockerfile that reads as the same. Comments and layout are gone.
 * Start at `encodeDocument`.
 */
import assert from 'node:assert/strict';
import type { EscapeCharacter } from '../../src/dockerfile/directives.ts';
import { lineSizeMax } from '../../src/dockerfile/lines.ts';
import { describeLines, type InstructionDocument, type ParseDocument } from '../../src/dockerfile/parse-document.ts';
import { parseLines } from '../../src/dockerfile/parse-lines.ts';
import { isSpace } from '../../src/dockerfile/whitespace.ts';

/** What a document says, without lines and without warnings, which are about the layout. */
export function meaningOf({ escape, directives, instructions }: ParseDocument): unknown {
  return { escape, directives, instructions: instructions.map(meaningOfInstruction) };
}

function meaningOfInstruction({ name, flags, words, json, heredocs, trigger }: InstructionDocument): unknown {
  return { name, flags, words, json, heredocs, trigger: trigger === undefined ? null : meaningOfInstruction(trigger) };
}

/** @throws AssertionError for an instruction that no line says */
export function encodeDocument({ escape, directives, instructions }: ParseDocument): string {
  const head = Object.entries(directives).map(([name, value]) => `# ${name}=${value}\n`);
  const text = [...head, ...instructions.map((instruction) => encodeInstruction(instruction, escape))].join('');
  // One mark is dropped in front of a file; one that belongs to the first word is the second.
  return text.startsWith('\ufeff') ? `\ufeff${text}` : text;
}

/**
 * How a line may be written where the document does not say it and a here-document depends on it. The first way is
 * right but for lines such as `COPY a\\  <<E /b`, where two blanks make another word than one.
 */
interface Style {
  /** One bit for each of the first four gaps that matter: whether it is written in the other way. */
  readonly gaps: number;
  /** Flags have quotes instead of escape characters, which here-documents do not know unless it is the backslash. */
  readonly quoted: boolean;
}

const styles = Array.from({ length: 16 }, (_, gaps) => [false, true].map((quoted): Style => ({ gaps, quoted }))).flat();

function encodeInstruction(instruction: InstructionDocument, escape: EscapeCharacter): string {
  const bodies = instruction.heredocs.map(({ content, name }) => `${content}${name}\n`).join('');
  const wanted = JSON.stringify(meaningOfInstruction(instruction));
  // A line that continues where the file ends: BuildKit's parser makes an instruction without a name of it.
  if (readsAs(`${escape}\n`, escape) === wanted) return `${escape}\n`;
  for (const style of styles) {
    const text = `${breakLine(encodeLine(instruction, escape, style), escape)}\n${bodies}`;
    if (readsAs(text, escape) === wanted) return text;
  }
  return assert.fail(`no line reads as ${wanted}`);
}

/** The only instruction of the text as JSON; undefined where there is not exactly one. */
function readsAs(text: string, escape: EscapeCharacter): string | undefined {
  try {
    const [only, ...others] = describeLines(parseLines(`# escape=${escape}\n${text}`, 'encoded')).instructions;
    return only === undefined || others.length > 0 ? undefined : JSON.stringify(meaningOfInstruction(only));
  } catch {
    return undefined; // the next style may do
  }
}

function encodeLine(instruction: InstructionDocument, escape: EscapeCharacter, style: Style): string {
  const { name, flags, trigger } = instruction;
  const operands = trigger === undefined ? encodeOperands(instruction, style) : encodeLine(trigger, escape, style);
  const end = operands.startsWith('--') ? ['--'] : [];
  return [name, ...flags.map((flag) => encodeFlag(flag, escape, style)), ...end, operands].filter((part) => part !== '').join(' ');
}

function encodeOperands({ name, words, json }: InstructionDocument, { gaps }: Style): string {
  const isHealth = name === 'HEALTHCHECK';
  const [first = '', ...rest] = words;
  // Of an unknown instruction nothing else is kept. It needs operands where its name ends in what would be trimmed.
  if (!json && words.length === 1 && first === '') return 'x';
  if (json) return isHealth ? `${first} ${JSON.stringify(rest)}` : JSON.stringify(words);
  if (name !== 'ENV' && name !== 'LABEL') return joinWords(words, gaps);
  const pairs = words.flatMap((word, at) => (at % 3 === 0 ? [words[at + 2] === '=' ? `${word}=${words[at + 1]}` : joinWords([word, words[at + 1] ?? ''], gaps)] : []));
  return pairs.join(' ');
}

/** A gap matters behind an escape character, which takes the first blank, and behind `<<`, which takes all but some. */
function joinWords(words: readonly string[], gaps: number): string {
  let count = 0;
  return words.map((word, at) => {
    const other = /[\\`]$/.test(word) ? '  ' : /<<-?$/.test(word) ? '\f' : undefined;
    if (at === words.length - 1) return word;
    if (other === undefined) return `${word} `;
    count += 1;
    return word + ((gaps >> (count - 1)) & 1 ? other : ' ');
  }).join('');
}

function encodeFlag(flag: string, escape: EscapeCharacter, { quoted }: Style): string {
  return Array.from({ length: flag.length }, (_, at) => {
    const char = flag.charAt(at);
    if (char === escape) return escape + escape;
    if (isSpace(char.charCodeAt(0))) return `"${char}"`;
    if (char === "'") return quoted ? `"'"` : escape + char;
    if (char === '"') return quoted ? `'"'` : escape + char;
    return quoted && '$<'.includes(char) ? `'${char}'` : char;
  }).join('');
}

/** Breaks the line where it is too long. */
function breakLine(line: string, escape: EscapeCharacter): string {
  const pieces: string[] = [];
  let rest = protectEnd(line, escape);
  while (Buffer.byteLength(rest) > lineSizeMax) {
    const cut = findCut(rest, escape);
    pieces.push(`${rest.slice(0, cut)}${escape}\n`);
    rest = rest.slice(cut);
  }
  return [...pieces, rest].join('');
}

/**
 * An escape character at the end is protected by a blank that is trimmed; a blank at the end, as in a word with an open quote, by
 * an escape character that has nothing to escape.
 */
function protectEnd(line: string, escape: EscapeCharacter): string {
  if (line.endsWith(escape) && !line.endsWith(escape + escape)) return `${line}\f`;
  return isSpace(line.charCodeAt(line.length - 1)) ? `${line}${escape}\f` : line;
}

/** Not behind an escape character, not before a `#` or blanks, and not within a character. */
function findCut(line: string, escape: string): number {
  for (let cut = Math.floor(lineSizeMax / 3) - 1; cut > 0; cut -= 1) {
    const next = line.charCodeAt(cut);
    if (line[cut - 1] !== escape && line[cut] !== '#' && !isSpace(next) && !(next >= 0xdc00 && next <= 0xdfff)) return cut;
  }
  return assert.fail('no place to break the line at');
}
