/** What the rules found, without what the file does not want to hear. */
import type { SourceRange } from '../../base/errors.ts';
import { isRuleOn, optionsInComments, type CheckOptions } from './options.ts';
import type { RuleName } from './rules.ts';

/** One thing that a rule found. */
export interface Finding {
  readonly rule: RuleName;
  /** What is wrong here, in BuildKit's words. */
  readonly detail: string;
  readonly position: SourceRange;
}

/** Where something was found; an instruction is such a place. */
export interface Place {
  readonly position: SourceRange;
  readonly comments: readonly string[];
}

/** Collects findings; the same one at the same place counts once. */
export class Findings {
  readonly #found = new Map<string, Finding>();
  readonly #options: CheckOptions;
  /** Of each list of comments, which is that of an instruction: one may have thousands of findings and of comments. */
  readonly #own = new WeakMap<readonly string[], CheckOptions>();

  constructor(options: CheckOptions) {
    this.#options = options;
  }

  /**
   * Adds a finding unless its rule is off there.
   * @param other an instruction that took part: it may switch the rule off as well
   */
  report(rule: RuleName, detail: string, place: Place, other: Place = place): void {
    if (!this.#isOn(rule, place) || !this.#isOn(rule, other)) return;
    const key = JSON.stringify([rule, detail, place.position.startLine]);
    if (!this.#found.has(key)) this.#found.set(key, { rule, detail, position: place.position });
  }

  #isOn(rule: RuleName, { comments }: Place): boolean {
    const own = this.#own.get(comments) ?? optionsInComments(comments);
    this.#own.set(comments, own);
    return isRuleOn(rule, this.#options, own);
  }

  /** By line; those of one line in the order in which they were found. */
  list(): readonly Finding[] {
    return [...this.#found.values()].sort((a, b) => a.position.startLine - b.position.startLine);
  }
}
