/**
 * A private key as an agent uses it: the public key's bytes, and signatures in SSH's form (RFC 4253, 5656, 8332, 8709).
 * Key types are ssh-rsa, ecdsa-sha2-nistp256, 384 and 521, and ssh-ed25519, as in OpenSSH.
 */
import { sign, type JsonWebKey, type KeyObject } from 'node:crypto';
import { invariant, TsbuildError } from '../../base/errors.ts';
import { wireMpint, wireString } from './wire.ts';

export interface AgentKey {
  /** The public key as it goes over the wire. */
  readonly blob: Buffer;
  /** @param flags of the request: which hash an RSA key is to sign with */
  sign(data: Buffer, flags: number): Buffer;
}

/** SSH_AGENT_RSA_SHA2_256 and _512 (draft-ietf-sshm-ssh-agent, section 3.6.1). */
const rsaSha256 = 2;
const rsaSha512 = 4;

const curves: Readonly<Record<string, { readonly name: string; readonly hash: string }>> = {
  'P-256': { name: 'nistp256', hash: 'sha256' },
  'P-384': { name: 'nistp384', hash: 'sha384' },
  'P-521': { name: 'nistp521', hash: 'sha512' },
};

/** @throws TsbuildError `SSH_INVALID` for a type of key that SSH does not have */
export function agentKeyOf(key: KeyObject, path: string): AgentKey {
  const jwk = key.export({ format: 'jwk' });
  switch (key.asymmetricKeyType) {
    case 'ed25519':
      return ed25519Key(key, jwk);
    case 'rsa':
      return rsaKey(key, jwk);
    case 'ec':
      return ecdsaKey(key, jwk, path);
    default:
      throw unsupported(path, key.asymmetricKeyType ?? 'unknown');
  }
}

function ed25519Key(key: KeyObject, jwk: JsonWebKey): AgentKey {
  const type = 'ssh-ed25519';
  const blob = Buffer.concat([wireString(type), wireString(part(jwk.x))]);
  return { blob, sign: (data) => Buffer.concat([wireString(type), wireString(sign(null, data, key))]) };
}

function rsaKey(key: KeyObject, jwk: JsonWebKey): AgentKey {
  const blob = Buffer.concat([wireString('ssh-rsa'), wireMpint(part(jwk.e)), wireMpint(part(jwk.n))]);
  return {
    blob,
    sign: (data, flags) => {
      const [name, hash] = (flags & rsaSha512) !== 0 ? ['rsa-sha2-512', 'sha512'] : (flags & rsaSha256) !== 0 ? ['rsa-sha2-256', 'sha256'] : ['ssh-rsa', 'sha1'];
      return Buffer.concat([wireString(name), wireString(sign(hash, data, key))]);
    },
  };
}

function ecdsaKey(key: KeyObject, jwk: JsonWebKey, path: string): AgentKey {
  const curve = curves[jwk.crv ?? ''];
  if (curve === undefined) throw unsupported(path, `ec, curve ${jwk.crv ?? 'unknown'}`);
  const type = `ecdsa-sha2-${curve.name}`;
  const point = Buffer.concat([Buffer.from([4]), part(jwk.x), part(jwk.y)]); // not compressed (SEC 1, section 2.3.3)
  const blob = Buffer.concat([wireString(type), wireString(curve.name), wireString(point)]);
  return {
    blob,
    sign: (data) => {
      const pair = sign(curve.hash, data, { key, dsaEncoding: 'ieee-p1363' }); // r and s, each half of it
      const [r, s] = [pair.subarray(0, pair.length / 2), pair.subarray(pair.length / 2)];
      return Buffer.concat([wireString(type), wireString(Buffer.concat([wireMpint(r), wireMpint(s)]))]);
    },
  };
}

function part(text: string | undefined): Buffer {
  invariant(text !== undefined, 'an exported key has all its parts');
  return Buffer.from(text, 'base64url');
}

function unsupported(path: string, type: string): TsbuildError {
  return new TsbuildError('usage', 'SSH_INVALID', `ssh key ${path}: keys of type ${type} are not supported`, { hint: 'Use an ed25519, ECDSA or RSA key.' });
}
