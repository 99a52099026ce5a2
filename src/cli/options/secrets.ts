/** Where secrets and SSH agents come from. The values themselves are read later and are never part of a request. */
import type { SecretSource, SshSource } from '../build-request.ts';
import { TsbuildError } from '../../base/errors.ts';
import { invalidOption, parseFields } from './csv.ts';
import type { Environment } from './pairs.ts';

/**
 * `id=ID[,src=PATH | ,env=NAME]`. Where neither is given it is the variable called ID, else the file called ID, as in
 * buildx. `type=env` makes `src` a variable's name.
 */
export function parseSecret(text: string, env: Environment): SecretSource {
  const fields = new Map<string, string>();
  for (const { key, value } of parseFields('--secret', text)) {
    if (value === null) throw invalidOption('--secret', text, `${JSON.stringify(key)} has no value`, 'For example --secret id=token,src=token.txt.');
    fields.set(secretKeys[key] ?? '', value);
  }
  const [id, type, path, variable] = ['id', 'type', 'src', 'env'].map((key) => fields.get(key));
  if (fields.has('')) throw invalidOption('--secret', text, 'has a field that is none of id, src, env, type');
  if (id === undefined || id === '') throw invalidOption('--secret', text, 'has no id');
  if (type !== undefined && type !== 'file' && type !== 'env') throw invalidOption('--secret', text, 'type must be file or env');
  if (variable !== undefined) return { id, from: 'env', variable };
  if (type === 'env') return { id, from: 'env', variable: path ?? id };
  if (path !== undefined) return { id, from: 'file', path };
  return type === undefined && env[id] !== undefined ? { id, from: 'env', variable: id } : { id, from: 'file', path: id };
}

const secretKeys: Readonly<Record<string, string>> = { id: 'id', type: 'type', src: 'src', source: 'src', env: 'env' };

/** `default`, or `ID=PATH[,PATH…]`; without a path it is the agent that SSH_AUTH_SOCK names. */
export function parseSsh(text: string, env: Environment): SshSource {
  const equals = text.indexOf('=');
  const id = equals < 0 ? text : text.slice(0, equals);
  if (id === '') throw invalidOption('--ssh', text, 'has no id', 'For example --ssh default or --ssh github=$HOME/.ssh/id_ed25519.');
  const given = equals < 0 ? [] : text.slice(equals + 1).split(',').filter((path) => path !== '');
  if (given.length > 0) return { id, paths: given };
  const agent = env['SSH_AUTH_SOCK'];
  if (agent === undefined || agent === '') {
    throw new TsbuildError('usage', 'SSH_AGENT_MISSING', `--ssh ${JSON.stringify(text)}: SSH_AUTH_SOCK names no agent`, {
      hint: 'Start ssh-agent and add a key, or give a key: --ssh default=$HOME/.ssh/id_ed25519.',
    });
  }
  return { id, paths: [agent] };
}
