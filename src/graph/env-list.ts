/** An ordered list of environment variables, as a stage carries it from instruction to instruction. */

export type EnvPair = readonly [name: string, value: string];

/** Immutable; a variable set again moves to the end, as in BuildKit's state. */
export class EnvList {
  readonly #values: ReadonlyMap<string, string>;

  constructor(pairs: Iterable<EnvPair> = []) {
    this.#values = new Map(pairs);
  }

  /** Reads `NAME=value` entries of an image config; an entry without `=` is empty. */
  static fromEntries(entries: readonly string[]): EnvList {
    return new EnvList(entries.map(splitEntry));
  }

  get(name: string): string | undefined {
    return this.#values.get(name);
  }

  with(name: string, value: string): EnvList {
    const next = new Map(this.#values);
    next.delete(name);
    next.set(name, value);
    return new EnvList(next);
  }

  pairs(): readonly EnvPair[] {
    return [...this.#values];
  }
}

/** Splits `NAME=value` at the first `=`. */
export function splitEntry(entry: string): EnvPair {
  const at = entry.indexOf('=');
  return at < 0 ? [entry, ''] : [entry.slice(0, at), entry.slice(at + 1)];
}

/** Sets a variable in an image config's Env, in place where it is set already (SEMANTICS A6, "Env order"). */
export function setConfigEnv(entries: readonly string[], name: string, value: string): readonly string[] {
  const entry = `${name}=${value}`;
  const at = entries.findIndex((existing) => splitEntry(existing)[0] === name);
  return at < 0 ? [...entries, entry] : entries.toSpliced(at, 1, entry);
}
