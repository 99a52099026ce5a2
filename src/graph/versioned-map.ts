/**
 * Maps and lists that grow with every instruction of a stage, while each version stays what it was. All versions share one
 * log: making the next one costs the same whatever is there already, so that a file of n instructions is planned in n steps.
 */

interface Entry<Value> {
  readonly name: string;
  readonly value: Value;
  /** Where the entry stands that this one replaces. */
  readonly before: number | undefined;
}

/** What the versions share: entries are only ever added, each version sees those up to its own length. */
interface Log<Value> {
  readonly entries: Entry<Value>[];
  /** Where each name was set last, by any version. */
  readonly latest: Map<string, number>;
}

/** Where a name that is set again stands: in its first place, or at the end. */
type Order = 'first' | 'last';

/** An immutable map with an order. */
export class VersionedMap<Value> {
  readonly #order: Order;
  readonly #log: Log<Value>;
  readonly #length: number;
  readonly size: number;
  #pairs: readonly (readonly [name: string, value: Value])[] | null = null;

  private constructor(order: Order, log: Log<Value>, length: number, size: number) {
    this.#order = order;
    this.#log = log;
    this.#length = length;
    this.size = size;
  }

  static of<Value>(order: Order, pairs: Iterable<readonly [name: string, value: Value]> = []): VersionedMap<Value> {
    let map = new VersionedMap<Value>(order, { entries: [], latest: new Map() }, 0, 0);
    for (const [name, value] of pairs) map = map.with(name, value);
    return map;
  }

  get(name: string): Value | undefined {
    return this.#find(name)?.value;
  }

  has(name: string): boolean {
    return this.#find(name) !== undefined;
  }

  with(name: string, value: Value): VersionedMap<Value> {
    const own = this.#length === this.#log.entries.length && this.#length < 2 * this.size + 16;
    return own ? this.#append(name, value) : this.#copy().#append(name, value);
  }

  /** All of them, in order. */
  pairs(): readonly (readonly [name: string, value: Value])[] {
    return (this.#pairs ??= this.#list());
  }

  /** The names that the last `count` settings set, in their order; a name that was set several times stands in its last place. */
  latestNames(count: number): Iterable<string> {
    const names = new Set<string>();
    for (const { name } of this.#log.entries.slice(Math.max(this.#length - count, 0), this.#length)) {
      names.delete(name);
      names.add(name);
    }
    return names;
  }

  #find(name: string): Entry<Value> | undefined {
    let at = this.#log.latest.get(name);
    while (at !== undefined && at >= this.#length) at = this.#log.entries[at]?.before;
    return at === undefined ? undefined : this.#log.entries[at];
  }

  #append(name: string, value: Value): VersionedMap<Value> {
    const { entries, latest } = this.#log;
    const before = latest.get(name);
    latest.set(name, entries.length);
    entries.push({ name, value, before });
    return new VersionedMap(this.#order, this.#log, entries.length, before === undefined ? this.size + 1 : this.size);
  }

  /** A log of its own: for a version that is not the newest, and for a log that holds mostly what was replaced. */
  #copy(): VersionedMap<Value> {
    let copy = new VersionedMap<Value>(this.#order, { entries: [], latest: new Map() }, 0, 0);
    for (const [name, value] of this.pairs()) copy = copy.#append(name, value);
    return copy;
  }

  #list(): readonly (readonly [name: string, value: Value])[] {
    const list = new Map<string, Value>();
    for (let at = 0; at < this.#length; at += 1) {
      const entry = this.#log.entries[at];
      if (entry === undefined) break;
      if (this.#order === 'last') list.delete(entry.name);
      list.set(entry.name, entry.value);
    }
    return [...list];
  }
}

/** An immutable list. */
export class VersionedList<Item> {
  readonly #log: Item[];
  readonly length: number;

  private constructor(log: Item[], length: number) {
    this.#log = log;
    this.length = length;
  }

  static of<Item>(items: Iterable<Item> = []): VersionedList<Item> {
    const log = [...items];
    return new VersionedList(log, log.length);
  }

  with(item: Item): VersionedList<Item> {
    const log = this.length === this.#log.length ? this.#log : this.#log.slice(0, this.length);
    log.push(item);
    return new VersionedList(log, log.length);
  }

  items(): readonly Item[] {
    return this.#log.slice(0, this.length);
  }
}
