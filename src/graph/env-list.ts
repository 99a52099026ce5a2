/** Lists of environment variables: what a stage carries from instruction to instruction, and the entries of image configs. */
import { VersionedMap } from './versioned-map.ts';

export type EnvPair = readonly [name: string, value: string];

/** A variable set again moves to the end, as in BuildKit's state. */
export type EnvList = VersionedMap<string>;

export function envList(pairs: Iterable<EnvPair> = []): EnvList {
  return VersionedMap.of('last', pairs);
}

/** Splits `NAME=value` at the first `=`; an entry of an image config without one is an empty variable. */
export function splitEntry(entry: string): EnvPair {
  const at = entry.indexOf('=');
  return at < 0 ? [entry, ''] : [entry.slice(0, at), entry.slice(at + 1)];
}

/**
 * Env of an image config: a variable that the base has keeps its place, new ones come behind. Of a name that stands twice
 * in the base the first entry is replaced alone, as BuildKit does (dockerfile2llb/convert.go, addEnv).
 */
export function configEnv(base: readonly string[], set: VersionedMap<string>): readonly string[] {
  const waiting = new Map(set.pairs());
  const entries = base.map((entry) => {
    const [name] = splitEntry(entry);
    const value = waiting.get(name);
    waiting.delete(name);
    return value === undefined ? entry : `${name}=${value}`;
  });
  return [...entries, ...[...waiting].map(([name, value]) => `${name}=${value}`)];
}
