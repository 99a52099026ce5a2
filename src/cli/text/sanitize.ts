/**
 * Makes text from outside harmless for a terminal: what RUN prints, names from images and Dockerfiles, error messages.
 * A terminal obeys escape sequences; ours must show them, or drop them, and never pass them on.
 */

// C0 without tab, DEL, C1, and the controls that reorder text (CVE-2021-42574, "Trojan Source").
const dangerous = /[\0-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]/;
const everyDangerous = new RegExp(dangerous.source, 'g');

// ECMA-48: control strings (OSC, DCS, SOS, PM, APC) up to their terminator, control sequences, two-byte escapes.
// A control string without an end is left to the last alternative, so that it cannot swallow the rest of a line.
const controlString = '(?:\\x1b[\\]PX^_]|[\\x9d\\x90\\x98\\x9e\\x9f])[^\\x07\\x1b\\x9c\\n]*(?:\\x07|\\x1b\\\\|\\x9c)';
const controlSequence = '(?:\\x1b\\[|\\x9b)[0-?]*[ -/]*[@-~]';
const shortEscape = '\\x1b[ -/]*[0-Z\\\\^-~]';
// In one pass, so that what remains of a sequence cannot become part of another.
const dropped = new RegExp(`${controlSequence}|${controlString}|${shortEscape}|${dangerous.source}`, 'g');

/**
 * One line of a program's output without escape sequences and control characters; tabs stay. Colours are dropped, as
 * are the other sequences; line ends must be gone before.
 */
export function cleanLine(line: string): string {
  if (!dangerous.test(line)) return line;
  return line.replace(dropped, '');
}

/** A name or message on one line, with control characters shown as `\x1b` instead of obeyed. */
export function showControls(text: string): string {
  if (!dangerous.test(text)) return text;
  return text.replace(everyDangerous, (character) => {
    if (character === '\n') return '\\n';
    if (character === '\r') return '\\r';
    const code = character.codePointAt(0) ?? 0;
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`;
  });
}

/** The same for text of several lines, such as a message that quotes a tool: line ends stay. */
export function showControlsInLines(text: string): string {
  return text.split(/\r?\n/).map(showControls).join('\n');
}

/** Text of at most `lengthMax` characters and a few words: what is longer keeps its beginning and its end, and says how much is missing. */
export function cutMiddle(text: string, lengthMax: number): string {
  if (text.length <= lengthMax) return text;
  const tail = Math.floor(lengthMax / 4);
  return `${text.slice(0, lengthMax - tail)} … (${text.length - lengthMax} characters left out) … ${text.slice(text.length - tail)}`;
}
