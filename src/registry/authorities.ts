/**
 * The authorities that certificates are checked against, as Go programs find them: `SSL_CERT_FILE`, else the system's
 * bundle, and `NODE_EXTRA_CA_CERTS` on top. (Node.js alone knows only its own list, and not the company's authority.)
 */
import { rootCertificates } from 'node:tls';
import { TsbuildError } from '../base/errors.ts';
import { readOptionalFile } from './optional-file.ts';

const usualBundles = ['/etc/ssl/certs/ca-certificates.crt', '/etc/pki/tls/certs/ca-bundle.crt', '/etc/ssl/ca-bundle.pem', '/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem', '/etc/ssl/cert.pem'];

/**
 * PEM texts of all roots, or undefined where Node.js' own are meant.
 * @throws TsbuildError `CERTIFICATES_INVALID`, class usage, when a file that the environment names cannot be read
 */
export async function readAuthorities(env: Readonly<Record<string, string | undefined>>, systemBundles: readonly string[] = usualBundles): Promise<readonly string[] | undefined> {
  const [named, extra] = [env['SSL_CERT_FILE'], env['NODE_EXTRA_CA_CERTS']];
  const extras = extra === undefined || extra === '' ? [] : [await readNamed('NODE_EXTRA_CA_CERTS', extra)];
  if (named !== undefined && named !== '') return [await readNamed('SSL_CERT_FILE', named), ...extras];
  for (const path of systemBundles) {
    const bundle = await readOptionalFile(path);
    if (bundle !== null && bundle.includes('-----BEGIN')) return [bundle, ...extras];
  }
  return extras.length === 0 ? undefined : [...rootCertificates, ...extras];
}

async function readNamed(variable: string, path: string): Promise<string> {
  const text = await readOptionalFile(path);
  if (text !== null && text.includes('-----BEGIN')) return text;
  throw new TsbuildError('usage', 'CERTIFICATES_INVALID', `read certificates: ${path}: ${text === null ? 'it cannot be read' : 'it holds no PEM certificate'}`, {
    hint: `The environment variable ${variable} names this file. Correct it or take it away.`,
  });
}
