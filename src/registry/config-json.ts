/** JSON that the user wrote: Docker's config.json and daemon.json. Their content is never quoted, for it holds secrets. */
import { TsbuildError } from '../base/errors.ts';
import { readOptionalFile } from './optional-file.ts';

export type ConfigObject = ReadonlyMap<string, unknown>;

/**
 * The object in the file, or an empty one where there is no file.
 * @throws TsbuildError `DOCKER_CONFIG_INVALID`, class usage
 */
export async function readConfigObject(path: string): Promise<ConfigObject> {
  const text = await readOptionalFile(path);
  if (text === null || text.trim() === '') return new Map();
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    // The parser's message quotes the text, and the text may be a password.
    throw new TsbuildError('usage', 'DOCKER_CONFIG_INVALID', `read Docker's configuration: ${path}: it is not JSON`, { hint: 'Correct the file.' });
  }
  return asConfigObject(parsed);
}

/** The fields of an object; anything else has none. */
export function asConfigObject(value: unknown): ConfigObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? new Map(Object.entries(value)) : new Map();
}

/** A field that is a string and not empty. */
export function configString(object: ConfigObject, key: string): string | undefined {
  const value = object.get(key);
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** A field that is a list; items that are not strings are left out. */
export function configStrings(object: ConfigObject, key: string): readonly string[] {
  const value = object.get(key);
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}
