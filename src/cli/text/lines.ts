/**
 * Cuts a stream of text chunks into lines as a terminal would show them: what a carriage return overwrites is gone.
 * It keeps one unfinished line and nothing else.
 */

/** A line longer than this is cut, so that output without line ends cannot fill the memory. UTF-16 units. */
export const lineLengthMax = 65_536;

/** The state of one stream. */
export class LineSplitter {
  #rest = '';
  #endsInReturn = false;
  #overwriting = false;

  /** What is there of the line that has no end yet. */
  get partial(): string {
    return lastVersion(this.#rest);
  }

  /** Whether the unfinished line overwrites itself: a progress bar. */
  get overwriting(): boolean {
    return this.#overwriting;
  }

  /** Takes a chunk and returns the lines that it finished, without line ends. */
  push(chunk: string): string[] {
    const finished = chunk.includes('\n') ? this.#cut(chunk) : [];
    if (finished.length === 0) this.#rest += chunk;
    if (this.#endsInReturn || chunk.includes('\r')) this.#dropOverwritten();
    while (this.#rest.length > lineLengthMax) {
      finished.push(this.#rest.slice(0, lineLengthMax));
      this.#rest = this.#rest.slice(lineLengthMax);
    }
    return finished;
  }

  /** The last line, if it had no end. */
  flush(): string[] {
    const rest = this.partial;
    this.#rest = '';
    this.#endsInReturn = false;
    this.#overwriting = false;
    return rest === '' ? [] : [rest];
  }

  #cut(chunk: string): string[] {
    const lines = (this.#rest + chunk).split('\n');
    this.#rest = lines.pop() ?? '';
    this.#overwriting = false;
    return lines.map(lastVersion);
  }

  // A return at the very end may be the first half of a line end, so it overwrites only once something follows it.
  #dropOverwritten(): void {
    this.#endsInReturn = this.#rest.endsWith('\r');
    const body = this.#endsInReturn ? this.#rest.slice(0, -1) : this.#rest;
    if (!body.includes('\r')) return;
    this.#overwriting = true;
    this.#rest = lastVersion(body) + (this.#endsInReturn ? '\r' : '');
  }
}

// `10%\r20%\r` shows 20%; the \r of a \r\n is no overwriting.
function lastVersion(line: string): string {
  if (!line.includes('\r')) return line;
  return line.split('\r').findLast((version) => version !== '') ?? '';
}
