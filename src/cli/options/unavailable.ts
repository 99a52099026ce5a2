/**
 * Options of `docker build` that this version does not carry out. They are refused by name, because an option that is
 * silently ignored makes an image that the user did not ask for.
 */
import { Option } from 'commander';
import { TsbuildError } from '../../base/errors.ts';

interface Unavailable {
  readonly flags: string;
  /** What to do instead, a full sentence. */
  readonly hint?: string;
  /** Values that ask for nothing and are therefore granted. */
  readonly granted?: RegExp;
}

const none = /^(false|0|f|disabled=true)$/i;
const archives = 'Write an archive with -o type=oci,dest=image.tar and give it to another tool.';

const options: readonly Unavailable[] = [
  { flags: '--load', hint: 'Write an archive with -o type=docker,dest=image.tar and run docker load -i image.tar.' },
  { flags: '--push', hint: 'Write an archive with -o type=oci,dest=image.tar and push it with skopeo or crane.' },
  { flags: '--cache-from <source>', hint: 'Keep the folder of --store between builds instead.' },
  { flags: '--cache-to <dest>', hint: 'Keep the folder of --store between builds instead.' },
  { flags: '--attest <spec>', granted: /(^|,)disabled=true(,|$)/ },
  { flags: '--provenance [mode]', granted: none, hint: 'Leave it out, or say --provenance=false.' },
  { flags: '--sbom [spec]', granted: none, hint: 'Leave it out, or say --sbom=false.' },
  { flags: '--builder <name>', hint: 'Leave it out: tsbuild needs no builder instance.' },
  { flags: '--policy <spec>' },
  { flags: '--device <device>' },
  { flags: '--security-opt <option>' },
  { flags: '--credential-spec <file>' },
  { flags: '--squash', hint: archives },
  { flags: '--compress', hint: 'Leave it out: the context is read in place and never sent.' },
  // These two are always granted: no intermediate containers exist, and content trust is not looked at.
  { flags: '--rm', granted: /^true$/ },
  { flags: '--force-rm', granted: /^true$/ },
  { flags: '--disable-content-trust', granted: /^true$/ },
];

/** Hidden options whose parsers refuse: `--memory: not available yet`. */
export function unavailableOptions(): readonly Option[] {
  return options.map(({ flags, hint, granted }) => {
    const option = new Option(flags).hideHelp();
    const refuse = (value: string): string => {
      if (granted?.test(value) === true) return value;
      throw notAvailable(option.long ?? flags, hint);
    };
    return option.argParser(refuse).preset('true');
  });
}

/** The error of everything that exists in docker but not here yet. */
export function notAvailable(what: string, hint?: string): TsbuildError {
  return new TsbuildError('usage', 'NOT_AVAILABLE', `${what}: not available yet`, hint === undefined ? {} : { hint });
}
