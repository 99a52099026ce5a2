/** Who the user is for a web server: by a secret with the server's name, or as the address itself says. */
import { readSecretText, type SecretLookup } from '../secret-text.ts';

/**
 * The Authorization header for an address. `--secret id=HTTP_AUTH_TOKEN_<host>` is a bearer token and counts more than
 * `HTTP_AUTH_HEADER_<host>`, which is the whole header; the host is without its port (buildkit, source/http).
 * @throws TsbuildError `SECRET_INVALID`
 */
export async function authorizationFor(url: URL, secret: SecretLookup): Promise<string | undefined> {
  const token = await readSecretText(secret, `HTTP_AUTH_TOKEN_${url.hostname}`);
  if (token !== null) return `Bearer ${token}`;
  const header = await readSecretText(secret, `HTTP_AUTH_HEADER_${url.hostname}`);
  if (header !== null) return header;
  return basicAuthorization(url);
}

/** The user and the password that stand in an address itself (RFC 7617). */
export function basicAuthorization({ username, password }: URL): string | undefined {
  if (username === '' && password === '') return undefined;
  return `Basic ${Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`).toString('base64')}`;
}
