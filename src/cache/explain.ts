/**
 * Says why a key is not an earlier one: compares the two part by part and names what differs, shortly.
 * Parts that are lists of named things (files, variables) are compared thing by thing. Pure.
 */
import { canonicalJson, compareBytes, type CacheKey, type JsonValue } from '../base/canonical.ts';
import { showName } from '../base/show-name.ts';

/** How many differences are named before the rest is only counted. */
const namedMax = 2;
/** Parts whose entries are files: a path says enough without the part's name before it. */
const bareParts: ReadonlySet<string> = new Set(['files', 'sources', 'context']);

type Change = 'changed' | 'new' | 'gone';

interface Difference {
  readonly change: Change;
  readonly name: string;
}

/** One line for people: `changed src/a.ts; new .env (+3)`. */
export function explainMiss(previous: CacheKey, now: CacheKey): string {
  const differences = compareKeys(previous, now);
  if (differences.length === 0) return 'nothing differs';
  const rest = differences.length - namedMax;
  return describe(differences.slice(0, namedMax)) + (rest > 0 ? ` (+${rest})` : '');
}

/** How many things differ: the measure of which earlier key is the nearest. */
export function countDifferences(previous: CacheKey, now: CacheKey): number {
  return compareKeys(previous, now).length;
}

/** `changed a, b; new c`. */
function describe(differences: readonly Difference[]): string {
  const groups: string[] = [];
  let last: Change | null = null;
  for (const { change, name } of differences) {
    if (change === last) groups[groups.length - 1] += `, ${name}`;
    else groups.push(`${change} ${name}`);
    last = change;
  }
  return groups.join('; ');
}

function compareKeys(previous: CacheKey, now: CacheKey): readonly Difference[] {
  const operation: Difference[] =
    previous.operation === now.operation ? [] : [{ change: 'changed', name: `operation ${previous.operation} → ${now.operation}` }];
  const before = new Map(previous.parts.map(({ name, value }) => [name, value]));
  const after = new Map(now.parts.map(({ name, value }) => [name, value]));
  const differences = [...operation, ...compareMaps(before, after).flatMap((part) => compareParts(part, before, after))];
  if (differences.length > 0 || previous.digest === now.digest) return differences;
  return [{ change: 'changed', name: 'order of the inputs' }];
}

/** A part that differs, or, where its entries have names, each entry that differs. */
function compareParts(part: Difference, before: ReadonlyMap<string, JsonValue>, after: ReadonlyMap<string, JsonValue>): readonly Difference[] {
  const left = namedEntries(before.get(part.name) ?? []);
  const right = namedEntries(after.get(part.name) ?? []);
  const whole = { ...part, name: showName(part.name) };
  if (left === null || right === null) return [whole];
  const entries = compareMaps(left, right);
  const prefix = bareParts.has(part.name) ? '' : `${part.name} `;
  return entries.length === 0 ? [whole] : entries.map(({ change, name }) => ({ change, name: showName(prefix + name) }));
}

/** Changed first, then new, then gone; each by name. */
function compareMaps(before: ReadonlyMap<string, JsonValue>, after: ReadonlyMap<string, JsonValue>): readonly Difference[] {
  const names = [...new Set([...before.keys(), ...after.keys()])].sort(compareBytes);
  const changeOf = (name: string): Change | null => {
    const [left, right] = [before.get(name), after.get(name)];
    if (left === undefined) return 'new';
    if (right === undefined) return 'gone';
    return canonicalJson(left) === canonicalJson(right) ? null : 'changed';
  };
  const differences = names.flatMap((name): Difference[] => {
    const change = changeOf(name);
    return change === null ? [] : [{ change, name }];
  });
  return (['changed', 'new', 'gone'] as const).flatMap((change) => differences.filter((difference) => difference.change === change));
}

/** The entries of an object, of a list of `[name, …]`, of `{path|name|key, …}`, of `{kind, …}` or of `NAME=value`; null for other values. */
function namedEntries(value: JsonValue): ReadonlyMap<string, JsonValue> | null {
  if (value === null || typeof value !== 'object') return null;
  const entries = new Map<string, JsonValue>();
  if (!isList(value)) {
    for (const [name, entry] of Object.entries(value)) if (entry !== undefined) entries.set(name, entry);
    return entries;
  }
  const counts = new Map<string, number>();
  for (const entry of value) {
    const name = entryName(entry) ?? numbered(kindOf(entry), counts);
    if (name === null || entries.has(name)) return null;
    entries.set(name, entry);
  }
  return entries;
}

/** Things without names of their own are told apart by their order: `context`, `context 2`. */
function numbered(kind: string | null, counts: Map<string, number>): string | null {
  if (kind === null) return null;
  const count = (counts.get(kind) ?? 0) + 1;
  counts.set(kind, count);
  return count === 1 ? kind : `${kind} ${count}`;
}

function kindOf(entry: JsonValue): string | null {
  if (entry === null || typeof entry !== 'object' || isList(entry)) return null;
  const kind = entry['kind'];
  return typeof kind === 'string' ? kind : null;
}

function entryName(entry: JsonValue): string | null {
  if (typeof entry === 'string') return /^([^=]+)=/.exec(entry)?.[1] ?? null;
  if (entry === null || typeof entry !== 'object') return null;
  const name = isList(entry) ? entry[0] : (entry['path'] ?? entry['name'] ?? entry['key']);
  if (typeof name !== 'string') return null;
  return kindOf(entry) === 'http' ? `http ${name}` : name;
}

function isList(value: object): value is readonly JsonValue[] {
  return Array.isArray(value);
}
