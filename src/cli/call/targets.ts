/** What `--call=targets` prints, in the shape of docker's (frontend/subrequests/targets), and what each starts from. */
import type { CheckedFile } from '../../build/check.ts';
import type { TargetDescription } from '../../graph/describe/targets.ts';
import { formatTable } from '../tables.ts';
import { base64Of, filled, locationOf, printDocument } from './document.ts';

export function formatTargets(targets: readonly TargetDescription[]): string {
  const rows = targets.map(({ name, isDefault, description, base }) => [[name ?? '', isDefault ? '(default)' : ''].join(' ').trim(), description, base]);
  return formatTable([['TARGET', 'DESCRIPTION', 'BASE'], ...rows]);
}

export function formatTargetsJson(targets: readonly TargetDescription[], file: CheckedFile): string {
  return printDocument({
    targets: targets.map(({ name, description, isDefault, base, platform, position }) =>
      filled({ name: name ?? '', default: isDefault, description, base, platform: platform ?? '', location: locationOf(position) })),
    sources: [base64Of(file.text)],
  });
}
