/**
 * Reads certs.d as Docker and containers/image do: a folder for each `host[:port]`, in it `*.crt` (authorities) and
 * pairs of `NAME.cert` and `NAME.key` (the client's own).
 */
import { TsbuildError } from '../base/errors.ts';
import { listOptionalFolder, readOptionalFile } from './optional-file.ts';
import type { HostCertificates } from './options.ts';

/**
 * The certificates of all hosts; of a host that several folders name, all authorities and the first client pair.
 * @throws TsbuildError `CERTIFICATES_INVALID`, class usage, for a `.cert` without its `.key`
 */
export async function readCertificates(certsDirs: readonly string[]): Promise<ReadonlyMap<string, HostCertificates>> {
  const hosts = new Map<string, HostCertificates>();
  for (const dir of certsDirs) {
    for (const host of await listOptionalFolder(dir)) {
      const found = await readHost(`${dir}/${host}`);
      const before = hosts.get(host);
      const client = before?.client ?? found.client;
      hosts.set(host, { ca: [...(before?.ca ?? []), ...found.ca], ...(client === undefined ? {} : { client }) });
    }
  }
  return hosts;
}

async function readHost(dir: string): Promise<HostCertificates> {
  const names = await listOptionalFolder(dir);
  const authorities = await Promise.all(names.filter((name) => name.endsWith('.crt')).map((name) => readOptionalFile(`${dir}/${name}`)));
  const ca = authorities.filter((text) => text !== null);
  const certName = names.find((name) => name.endsWith('.cert'));
  if (certName === undefined) return { ca };
  const keyName = certName.replace(/\.cert$/, '.key');
  const [cert, key] = [await readOptionalFile(`${dir}/${certName}`), await readOptionalFile(`${dir}/${keyName}`)];
  if (cert === null || key === null) {
    throw new TsbuildError('usage', 'CERTIFICATES_INVALID', `read certificates: ${dir}: ${certName} has no readable ${keyName} beside it`, {
      hint: 'A client certificate NAME.cert needs its key as NAME.key in the same folder.',
    });
  }
  return { ca, client: { cert, key } };
}
