/**
 * RUN --mount: comma-separated fields to one of five kinds of mount (BuildKit instructions/commands_runmount.go).
 * It does not join relative targets with WORKDIR or look for sources. Start at `parseMount`.
 */
import { basename, normalize } from 'node:path/posix';
import { parseCsvFields } from './csv.ts';
import { readMountField, type MountFields } from './mount-field.ts';
import type { BindMount, CacheMount, Mount, SecretMount, SshMount } from './mount-kinds.ts';
import { optional } from './optional.ts';
import { reject } from './rejection.ts';

export type { BindMount, CacheMount, CacheSharing, Mount, SecretMount, SshMount, TmpfsMount } from './mount-kinds.ts';

/** Substitutes variables in the value of one field. */
export type FieldExpander = (value: string) => string;

/**
 * Reads one `--mount` value as it stands in the Dockerfile. Fields are split first and expanded one by one, so that a
 * comma in a variable stays in its field. A field can depend on `type` before it: `size` wants `type=tmpfs` first.
 * @throws TsbuildError `MOUNT_…` or `CSV`, without a position, and what `expand` throws
 */
export function parseMount(value: string, expand: FieldExpander = (text) => text): Mount {
  let fields: MountFields = { type: 'bind' };
  for (const field of parseCsvFields(value, 'invalid --mount')) fields = readMountField(fields, field, expand);
  checkFields(fields);
  return completeMount(fields);
}

/**
 * What can be said before variables are known: the fields can be split, and `from` holds no variable.
 * @throws TsbuildError `CSV`, `MOUNT_FROM`
 */
export function checkMountSyntax(value: string): void {
  for (const field of parseCsvFields(value, 'invalid --mount')) {
    if (/^from=.*\$./is.test(field)) {
      reject('MOUNT_FROM', "'from' doesn't support variable expansion, define alias stage instead", {
        hint: 'Add FROM $NAME AS alias, and mount from=alias.',
      });
    }
  }
}

/**
 * The stage, context or image that the mount reads from, undefined where it reads from none.
 * @throws TsbuildError `CSV`
 */
export function mountFrom(value: string): string | undefined {
  const fields = parseCsvFields(value, 'invalid --mount').filter((field) => /^from=./is.test(field));
  return fields.at(-1)?.slice('from='.length);
}

function checkFields(fields: MountFields): void {
  const { type } = fields;
  const hasOwner = type === 'secret' || type === 'ssh' || type === 'cache';
  for (const key of hasOwner ? [] : (['mode', 'uid', 'gid'] as const)) {
    if (fields[key] !== undefined) rejectMount(`${key} not allowed for "${type}" type mounts`, `Remove ${key}; secret, ssh and cache mounts have it.`);
  }
  if (type === 'secret') checkSecret(fields);
  if (type === 'ssh' && isGiven(fields.source)) rejectMount('ssh does not support source', 'Name the agent by id=NAME.');
  if (fields.sharing !== undefined && type !== 'cache') rejectMount(`invalid cache sharing set for ${type} mount`, 'Remove sharing, or write type=cache.');
}

function checkSecret({ from, source, target, id, sharing }: MountFields): void {
  if (isGiven(from)) rejectMount('secret mount should not have a from', 'Remove from: a secret is given by --secret.');
  if (sharing !== undefined) rejectMount('secret mount should not define sharing', 'Remove sharing.');
  if (!isGiven(source) && !isGiven(target) && !isGiven(id)) rejectMount('invalid secret mount. one of source, target required', 'Write id=NAME, the name that --secret gives it.');
  if (isGiven(source) && isGiven(id)) rejectMount("both source and id can't be set", 'They mean the same; keep id.');
}

function completeMount(fields: MountFields): Mount {
  const { type, target = '', readOnly, sizeBytes } = fields;
  switch (type) {
    case 'bind': return { type, target, readOnly: readOnly ?? true, ...originOf(fields) };
    case 'tmpfs': return { type, target, readOnly: readOnly ?? false, ...(sizeBytes === undefined ? {} : { sizeBytes }) };
    case 'cache': return completeCache(fields);
    case 'secret': return completeSecret(fields);
    case 'ssh': {
      const id = isGiven(fields.id) ? fields.id : 'default';
      return { type, id, ...(isGiven(target) ? { target } : {}), ...ownedBy(fields, 0o600) };
    }
  }
}

function completeCache(fields: MountFields): CacheMount {
  const { target = '', id, mode, uid, gid } = fields;
  return {
    type: 'cache', target, ...originOf(fields),
    id: isGiven(id) ? id : cleanPath(target),
    sharing: fields.sharing ?? 'shared',
    readOnly: fields.readOnly ?? false,
    ...(mode === undefined ? {} : { mode }), ...(uid === undefined ? {} : { uid }), ...(gid === undefined ? {} : { gid }),
  };
}

function completeSecret(fields: MountFields): SecretMount {
  const { target = '', env } = fields;
  const given = isGiven(fields.source) ? fields.source : (fields.id ?? '');
  const id = given === '' ? baseName(target) : given;
  const path = target === '' && env === undefined ? `/run/secrets/${baseName(id)}` : target;
  return {
    type: 'secret', id, ...(path === '' ? {} : { target: path }),
    ...(env === undefined ? {} : { env: env === '' ? id : env }), ...ownedBy(fields, 0o400),
  };
}

function originOf({ from, source }: MountFields): Pick<BindMount, 'from' | 'source'> {
  return { ...optional('from', from), ...optional('source', source) };
}

function ownedBy({ required = false, mode, uid = 0, gid = 0 }: MountFields, modeDefault: number): Pick<SshMount, 'required' | 'mode' | 'uid' | 'gid'> {
  return { required, mode: mode ?? modeDefault, uid, gid };
}

function isGiven(text: string | undefined): text is string {
  return text !== undefined && text !== '';
}

function cleanPath(path: string): string {
  const clean = normalize(path);
  return clean.length > 1 && clean.endsWith('/') ? clean.slice(0, -1) : clean;
}

/** The last element as Go's path.Base gives it: `/` for the root, `.` for nothing. */
function baseName(path: string): string {
  if (path === '') return '.';
  return basename(path) || '/';
}

function rejectMount(message: string, hint: string): never {
  reject('MOUNT_INVALID', message, { hint });
}
