/** Secrets that go into headers. Their values are in no message. */
import { TsbuildError } from '../base/errors.ts';

/** Looks a secret up that the user gave with `--secret`; null where there is none of this name. */
export type SecretLookup = (id: string) => Promise<Uint8Array | null>;

/**
 * The text of a secret; a line end behind it, as editors leave it, is not a part of it.
 * @throws TsbuildError `SECRET_INVALID`, class usage, for what no header can hold
 */
export async function readSecretText(secret: SecretLookup, id: string): Promise<string | null> {
  const bytes = await secret(id);
  if (bytes === null) return null;
  const text = Buffer.from(bytes).toString('utf8').replace(/[\r\n]+$/, '');
  if (/^[\x20-\x7e]+$/.test(text)) return text;
  throw new TsbuildError('usage', 'SECRET_INVALID', `secret ${id}: it is empty or has characters that no HTTP header can hold`, {
    hint: 'Give the token or the header alone, in one line.',
  });
}
