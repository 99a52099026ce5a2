/**
 * Reads `WWW-Authenticate` (RFC 9110, section 11.6.1): several challenges in one header, quoted strings with escapes,
 * commas inside quotes. It does not answer them.
 */

/** One challenge: the scheme in lower case, parameter names in lower case. */
export interface Challenge {
  readonly scheme: string;
  readonly parameters: ReadonlyMap<string, string>;
}

const headerCharsMax = 16_384;
const token = "[A-Za-z0-9!#$%&'*+.^_`|~-]+";
const scheme = new RegExp(`\\s*(${token})(?:\\s+|$|(?=,))`, 'y');
const parameter = new RegExp(`\\s*(${token})\\s*=\\s*(?:"((?:[^"\\\\]|\\\\.)*)"|(${token}))\\s*(?:,|$)`, 'y');
const token68 = /\s*[A-Za-z0-9._~+/-]+=*\s*(?:,|$)/y;
const comma = /\s*,/y;

/** Reads as many challenges as are well-formed; the rest of a malformed header is left out. */
export function parseChallenges(header: string): readonly Challenge[] {
  const challenges: Challenge[] = [];
  if (header.length > headerCharsMax) return challenges;
  let at = 0;
  while (at < header.length) {
    const skipped = matchAt(comma, header, at);
    if (skipped !== null) {
      at += skipped[0].length;
      continue;
    }
    const name = matchAt(scheme, header, at);
    if (name === null) return challenges;
    at += name[0].length;
    const { parameters, end } = readParameters(header, at);
    challenges.push({ scheme: (name[1] ?? '').toLowerCase(), parameters });
    at = end;
  }
  return challenges;
}

function readParameters(header: string, start: number): { parameters: Map<string, string>; end: number } {
  const parameters = new Map<string, string>();
  let at = start;
  for (;;) {
    const found = matchAt(parameter, header, at);
    if (found === null) break;
    const value = found[2] === undefined ? (found[3] ?? '') : found[2].replace(/\\(.)/g, '$1');
    parameters.set((found[1] ?? '').toLowerCase(), value);
    at += found[0].length;
  }
  if (parameters.size === 0) at += matchAt(token68, header, at)?.[0].length ?? 0;
  return { parameters, end: at };
}

function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}
