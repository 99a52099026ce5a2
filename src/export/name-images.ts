/** What `tag` and `rm` do: names are given and taken; blobs stay until garbage collection. */
import { TsbuildError } from '../base/errors.ts';
import { formatReference, isReference, parseReference, withDefaultTag } from '../image/reference.ts';
import type { Store } from '../store/store.ts';
import { findImage, notFound } from './stored-image.ts';

/** Gives an image more names; all or none. Returns them in full. */
export async function tagImage(store: Store, source: string, targets: readonly string[]): Promise<readonly string[]> {
  const names = targets.map(fullTag);
  const { root } = await findImage(store, source);
  await store.tags.update({ set: names.map((name) => ({ name, descriptor: root })) });
  return names;
}

/** Removes names; an ID stands for all names of its image. All or none. */
export async function removeImages(store: Store, texts: readonly string[]): Promise<readonly string[]> {
  const names = new Set<string>();
  for (const text of texts) {
    const { names: found } = await findImage(store, text);
    const full = found.find((name) => name === nameIn(text));
    if (found.length === 0) throw notFound(text);
    for (const name of full === undefined ? found : [full]) names.add(name);
  }
  await store.tags.update({ remove: [...names] });
  return [...names];
}

function fullTag(text: string): string {
  const reference = withDefaultTag(parseReference(text));
  if (reference.digest === undefined) return formatReference(reference);
  throw new TsbuildError('usage', 'REFERENCE_INVALID', `tag image as ${text}: a new name cannot have a digest`, { hint: 'Write NAME:TAG.' });
}

/** The full name that the text is, or null for an ID. */
function nameIn(text: string): string | null {
  return isReference(text) ? formatReference(withDefaultTag(parseReference(text))) : null;
}
