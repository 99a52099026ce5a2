/** What `--call=outline` prints, in the shape of docker's (frontend/subrequests/outline), and cache mounts besides. */
import type { JsonValue } from '../../base/canonical.ts';
import type { CheckedFile } from '../../build/check.ts';
import type { MountUse, Outline } from '../../graph/describe/outline.ts';
import { formatTable } from '../tables.ts';
import { base64Of, filled, locationOf, printDocument } from './document.ts';

/** A table for each kind of thing that there is. */
export function formatOutline({ name, description, args, mounts }: Outline): string {
  const requirement = ({ id, isRequired }: MountUse): string[] => [id, isRequired ? 'true' : ''];
  const head = name === null ? [] : [['TARGET:', name], ...(description === '' ? [] : [['DESCRIPTION:', description]])];
  const tables = [
    formatTable(head, ' '),
    table(['BUILD ARG', 'VALUE', 'DESCRIPTION'], args.map((arg) => [arg.name, arg.value, arg.description])),
    table(['SECRET', 'REQUIRED'], ofKind(mounts, 'secret').map(requirement)),
    table(['SSH', 'REQUIRED'], ofKind(mounts, 'ssh').map(requirement)),
    table(['CACHE'], ofKind(mounts, 'cache').map(({ id }) => [id])),
  ];
  return tables.filter((text) => text !== '').join('\n');
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return rows.length === 0 ? '' : formatTable([head, ...rows]);
}

function ofKind(mounts: readonly MountUse[], kind: MountUse['kind']): readonly MountUse[] {
  return mounts.filter((mount) => mount.kind === kind);
}

export function formatOutlineJson({ name, description, args, mounts }: Outline, file: CheckedFile): string {
  const requirement = ({ id, isRequired, position }: MountUse): JsonValue => filled({ name: id, required: isRequired, location: locationOf(position) });
  return printDocument(filled({
    name: name ?? '',
    description,
    args: args.map((arg) => filled({ name: arg.name, description: arg.description, value: arg.value, location: locationOf(arg.position) })),
    secrets: ofKind(mounts, 'secret').map(requirement),
    ssh: ofKind(mounts, 'ssh').map(requirement),
    cache: ofKind(mounts, 'cache').map(({ id, position }) => ({ ID: id, location: locationOf(position) })),
    sources: [base64Of(file.text)],
  }));
}
