/**
 * A field that exists only where it has a value, as `exactOptionalPropertyTypes` wants it. Start at `optional`.
 * It is for texts whose empty form means the same as none.
 */

/** `{ [key]: value }`, or nothing where the value is absent or empty: an empty flag is as good as none. */
export function optional<Key extends string>(key: Key, value: string | undefined): Partial<Record<Key, string>> {
  const record: Partial<Record<Key, string>> = {};
  if (value !== undefined && value !== '') record[key] = value;
  return record;
}
