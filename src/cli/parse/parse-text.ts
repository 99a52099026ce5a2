/** What the parser read, as a list for people: one line an instruction, its lines before it. Start at `formatParse`. */
import type { HeredocDocument, InstructionDocument, ParseDocument } from '../../dockerfile/parse-document.ts';
import { showControls } from '../text/sanitize.ts';

/** The text, ending with a line end. */
export function formatParse({ escape, directives, instructions, warnings }: ParseDocument): string {
  const labels = instructions.map(({ start, end }) => (start === end ? String(start) : `${start}-${end}`));
  const width = Math.max(...labels.map((label) => label.length));
  const lines = [
    ...Object.entries(directives).map(([name, value]) => `# ${name}=${showControls(value)}`),
    ...(escape === '\\' || 'escape' in directives ? [] : [`# escape=${escape}`]),
    ...instructions.flatMap((instruction, index) => formatInstruction(instruction).map((line, at) => `${(at === 0 ? labels[index] ?? '' : '').padStart(width)}  ${line}`)),
    ...warnings.map(({ code, line, message }) => `WARN: ${code}: ${showControls(message)} (line ${line})`),
  ];
  return `${lines.join('\n')}\n`;
}

function formatInstruction(instruction: InstructionDocument): string[] {
  return [formatWords(instruction), ...instruction.heredocs.flatMap(formatHeredoc)];
}

function formatWords({ name, flags, words, json, trigger }: InstructionDocument): string {
  const shown = name === 'ENV' || name === 'LABEL' ? pairsOf(words) : words.map(quote);
  return [showControls(name), ...flags.map(quote), ...(json ? [`[${shown.join(', ')}]`] : shown), ...(trigger === undefined ? [] : [formatWords(trigger)])].join(' ');
}

/** Three words a pair: name, value, and what stood between them. */
function pairsOf(words: readonly string[]): string[] {
  const pairs: string[] = [];
  for (let at = 0; at < words.length; at += 3) pairs.push(`${quote(words[at] ?? '')}${words[at + 2] === '=' ? '=' : ' '}${quote(words[at + 1] ?? '')}`);
  return pairs;
}

/** Bare where its ends can be seen. */
function quote(word: string): string {
  return /^[!-~]+$/.test(word) && !/^["'[,]/.test(word) ? word : showControls(JSON.stringify(word));
}

function formatHeredoc({ name, content, expand, chomp }: HeredocDocument): string[] {
  const facts = [...(expand ? [] : ['literal']), ...(chomp ? ['without leading tabs'] : [])];
  const body = content.split('\n').slice(0, content.endsWith('\n') ? -1 : undefined);
  return [`  <<${showControls(name)}${facts.length === 0 ? '' : ` (${facts.join(', ')})`}`, ...body.map((line) => `  | ${showControls(line.replace(/\r$/, ''))}`)];
}
