/** `tsbuild completion bash`: a script made from the declared commands and options, so that it cannot fall behind. */
import type { Command } from 'commander';

/** The script. Operands are completed as file names, options and commands by name. */
export function bashCompletion(program: Command): string {
  const commands = program.commands.map((command) => command.name());
  const cases = program.commands.map((command) => `    ${command.name()}) options="${longOptions(command).join(' ')}" ;;`);
  return [
    '# bash completion for tsbuild; made by: tsbuild completion bash',
    '_tsbuild() {',
    '  local word="${COMP_WORDS[COMP_CWORD]}" options',
    '  case "${COMP_WORDS[1]}" in',
    ...cases,
    `    *) options="${longOptions(program.commands.find((command) => command.name() === 'build')).join(' ')}" ;;`,
    '  esac',
    '  if [[ $word == -* ]]; then',
    '    mapfile -t COMPREPLY < <(compgen -W "$options" -- "$word")',
    '  elif [[ $COMP_CWORD == 1 ]]; then',
    `    mapfile -t COMPREPLY < <(compgen -W "${commands.join(' ')}" -- "$word"; compgen -f -- "$word")`,
    '  fi',
    '}',
    'complete -o default -o filenames -F _tsbuild tsbuild',
    '',
  ].join('\n');
}

function longOptions(command: Command | undefined): string[] {
  const visible = (command?.options ?? []).filter((option) => !option.hidden);
  return [...visible.map((option) => option.long).filter((long) => long !== undefined), '--help'];
}
