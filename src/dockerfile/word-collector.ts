/**
 * What the word lexer writes into: text within a limit of size, and the same text split into words.
 * It gives no character a meaning but blanks. Start at `WordCollector`.
 */
import { reject } from './rejection.ts';
import { isSpace } from './whitespace.ts';

/** Joins pieces of text within the limit of size. */
export class TextCollector {
  readonly #pieces: string[] = [];
  readonly #sizeMax: number;
  #size = 0;

  constructor(sizeMax: number) {
    this.#sizeMax = sizeMax;
  }

  add(piece: string): void {
    this.#size += piece.length;
    if (this.#size > this.#sizeMax) {
      reject('WORD_TOO_LARGE', `a substitution gives more than ${this.#sizeMax} characters`, {
        hint: 'A variable may contain itself several times.',
      });
    }
    this.#pieces.push(piece);
  }

  text(): string {
    return this.#pieces.join('');
  }
}

/** Collects the text and, at the same time, its words: blanks separate unless they were quoted or escaped. */
export class WordCollector {
  readonly #text: TextCollector;
  readonly #words: string[] = [];
  #word: string[] = [];

  constructor(sizeMax: number) {
    this.#text = new TextCollector(sizeMax);
  }

  /** Adds text whose blanks separate words: plain characters and values of variables. */
  addSplit(text: string): void {
    this.#text.add(text);
    let from = 0;
    for (let at = 0; at < text.length; at += 1) {
      if (!isSpace(text.charCodeAt(at))) continue;
      if (at > from) this.#word.push(text.slice(from, at));
      this.#endWord();
      from = at + 1;
    }
    if (from < text.length) this.#word.push(text.slice(from));
  }

  /** Adds text that belongs to one word, blanks and all. */
  addWhole(text: string): void {
    this.#text.add(text);
    if (text !== '') this.#word.push(text);
  }

  finish(): { readonly text: string; readonly words: readonly string[] } {
    this.#endWord();
    return { text: this.#text.text(), words: this.#words };
  }

  #endWord(): void {
    if (this.#word.length > 0) this.#words.push(this.#word.join(''));
    this.#word = [];
  }
}
