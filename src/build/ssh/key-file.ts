/**
 * Reads private key files: OpenSSH's own form (PROTOCOL.key of OpenSSH) and PEM. Keys behind a passphrase are refused: a
 * build asks nobody.
 */
import { createPrivateKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import { messageOf, TsbuildError } from '../../base/errors.ts';
import { WireReader } from './wire.ts';

/** Longest key file that is read, as with BuildKit. */
export const keyFileSizeMax = 100 * 1024;

const opensshForm = /-----BEGIN OPENSSH PRIVATE KEY-----([^-]*)-----END OPENSSH PRIVATE KEY-----/;
/** PKCS 8 (RFC 5958), and the older form of a key behind a passphrase (RFC 1421). */
const encryptedPem = /-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m;
const opensshMagic = Buffer.from('openssh-key-v1\0');

/** @throws TsbuildError `SSH_INVALID`, `SSH_KEY_PROTECTED` */
export function parseKeyFile(content: Buffer, path: string): KeyObject {
  const text = content.toString('latin1');
  const openssh = opensshForm.exec(text);
  if (encryptedPem.test(text)) throw protectedKey(path);
  try {
    return openssh === null ? createPrivateKey(content) : readOpenssh(Buffer.from(openssh[1] ?? '', 'base64'), path);
  } catch (cause) {
    if (cause instanceof TsbuildError) throw cause;
    throw new TsbuildError('usage', 'SSH_INVALID', `ssh key ${path}: ${messageOf(cause)}`, {
      hint: 'Give the private key that ssh-keygen made, not the .pub file.',
      cause,
    });
  }
}

function readOpenssh(bytes: Buffer, path: string): KeyObject {
  if (!bytes.subarray(0, opensshMagic.length).equals(opensshMagic)) throw malformed(path);
  const head = new WireReader(bytes.subarray(opensshMagic.length));
  const cipher = head.text();
  head.string(); // the key derivation's name
  head.string(); // and options
  if (cipher !== 'none') throw protectedKey(path);
  if (head.u32() !== 1) throw malformed(path);
  head.string(); // the public key, which is in the private part again
  const body = new WireReader(head.string());
  if (body.u32() !== body.u32()) throw malformed(path);
  return createPrivateKey({ key: readParts(body, path), format: 'jwk' });
}

function readParts(body: WireReader, path: string): JsonWebKey {
  const type = body.text();
  switch (type) {
    case 'ssh-ed25519': {
      const x = body.string();
      return { kty: 'OKP', crv: 'Ed25519', x: encode(x), d: encode(body.string().subarray(0, 32)) };
    }
    case 'ssh-rsa':
      return readRsa(body);
    case 'ecdsa-sha2-nistp256':
      return readEcdsa(body, 'P-256');
    case 'ecdsa-sha2-nistp384':
      return readEcdsa(body, 'P-384');
    case 'ecdsa-sha2-nistp521':
      return readEcdsa(body, 'P-521');
    default:
      throw new TsbuildError('usage', 'SSH_INVALID', `ssh key ${path}: keys of type ${JSON.stringify(type)} are not supported`, {
        hint: 'Use an ed25519, ECDSA or RSA key; keys of hardware tokens are used through ssh-agent.',
      });
  }
}

function readRsa(body: WireReader): JsonWebKey {
  const [n, e, d, qi, p, q] = [body.mpint(), body.mpint(), body.mpint(), body.mpint(), body.mpint(), body.mpint()];
  return {
    kty: 'RSA', n: encode(n), e: encode(e), d: encode(d), p: encode(p), q: encode(q), qi: encode(qi),
    dp: encode(remainder(d, p)), dq: encode(remainder(d, q)),
  };
}

/** d mod (prime - 1), which OpenSSH leaves out (RFC 8017, section 3.2). */
function remainder(d: Buffer, prime: Buffer): Buffer {
  const hex = (numberOf(d) % (numberOf(prime) - 1n)).toString(16);
  return Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex');
}

function numberOf(bytes: Buffer): bigint {
  return BigInt(`0x0${bytes.toString('hex')}`);
}

function readEcdsa(body: WireReader, crv: string): JsonWebKey {
  body.string(); // the curve's name again
  const point = body.string().subarray(1); // 4: not compressed
  const size = point.length / 2;
  const d = body.mpint();
  const padded = Buffer.concat([Buffer.alloc(Math.max(0, size - d.length)), d]); // of full length in a JWK (RFC 7518, section 6.2.2.1)
  return { kty: 'EC', crv, x: encode(point.subarray(0, size)), y: encode(point.subarray(size)), d: encode(padded) };
}

function encode(bytes: Buffer): string {
  return bytes.toString('base64url');
}

function malformed(path: string): TsbuildError {
  return new TsbuildError('usage', 'SSH_INVALID', `ssh key ${path}: it is damaged`, { hint: 'Give the private key that ssh-keygen made.' });
}

function protectedKey(path: string): TsbuildError {
  return new TsbuildError('usage', 'SSH_KEY_PROTECTED', `ssh key ${path}: it is protected by a passphrase`, {
    hint: 'Add it to an agent with ssh-add, and offer the agent: --ssh default.',
  });
}
