/**
 * COPY and ADD. It does not look at files. Start at `readCopy`.
 */
import { chompContent, tryReadHeredocWord, type HeredocHead } from './heredoc.ts';
import type { FlagKind, FlagValues } from './flags.ts';
import type { CopyInstruction, Heredoc } from './instruction.ts';
import { optional } from './optional.ts';
import { reject } from './rejection.ts';
import { readCommon, readStatementFlags, type Statement } from './statement.ts';

const flagKinds: Readonly<Record<'copy' | 'add', Readonly<Record<string, FlagKind>>>> = {
  copy: { chown: 'text', from: 'text', chmod: 'text', link: 'bool', parents: 'bool', exclude: 'list' },
  add: { chown: 'text', chmod: 'text', link: 'bool', 'keep-git-dir': 'bool', checksum: 'text', unpack: 'bool', exclude: 'list' },
};

/** Reads COPY or ADD. @throws TsbuildError `ARGUMENT_COUNT`, `COPY_HEREDOC`, `FLAG_…` */
export function readCopy(statement: Statement, kind: 'copy' | 'add'): CopyInstruction {
  const { raw, position } = statement;
  const destination = raw.words.at(-1);
  if (destination === undefined || raw.words.length < 2) rejectCount(statement);
  const flags = readStatementFlags(statement, flagKinds[kind]);
  if (tryReadHeredocWord(destination) !== undefined) {
    reject('COPY_HEREDOC', `${raw.name} cannot accept a heredoc as a destination`, { position, hint: 'The destination comes last.' });
  }
  return { kind, ...readCommon(statement), ...readSources(statement), destination, ...readCopyFlags(flags) };
}

function rejectCount({ raw, position }: Statement): never {
  reject('ARGUMENT_COUNT', `${raw.name} requires at least two arguments, but only one was provided. Destination could not be determined`, {
    position,
    hint: `Write ${raw.name} SOURCE... DESTINATION.`,
  });
}

/** Words that announce a here-document are inline files, also in JSON form, where they have no body. */
function readSources({ raw }: Statement): Pick<CopyInstruction, 'sources' | 'heredocs'> {
  const bodies = new Map(raw.heredocs.map((heredoc) => [heredoc.name, heredoc.content]));
  const sources: string[] = [];
  const heredocs: Heredoc[] = [];
  for (const word of raw.words.slice(0, -1)) {
    const head = tryReadHeredocWord(word);
    if (head === undefined) sources.push(word);
    else heredocs.push(inlineFile(head, bodies.get(head.name) ?? ''));
  }
  return { sources, heredocs };
}

function inlineFile(head: HeredocHead, raw: string): Heredoc {
  return { ...head, content: head.chomp ? chompContent(raw) : raw, raw };
}

function readCopyFlags({ bools, texts, lists }: FlagValues): Pick<CopyInstruction, 'link' | 'parents' | 'excludes'> {
  const keepGitDir = bools.get('keep-git-dir');
  const unpack = bools.get('unpack');
  return {
    link: bools.get('link') ?? false,
    parents: bools.get('parents') ?? false,
    excludes: lists.get('exclude') ?? [],
    ...optional('from', texts.get('from')),
    ...optional('chown', texts.get('chown')),
    ...optional('chmod', texts.get('chmod')),
    ...optional('checksum', texts.get('checksum')),
    ...(keepGitDir === undefined ? {} : { keepGitDir }),
    ...(unpack === undefined ? {} : { unpack }),
  };
}
