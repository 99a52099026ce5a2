/** The texts of `--help`: docker's shape, and examples that can be pasted. Layout only; options describe themselves. */
import type { Command, Help, HelpConfiguration } from 'commander';

/** Makes commander's help look like docker's: two blanks after `Usage:`, long options under each other. */
export const helpLayout: HelpConfiguration = {
  optionTerm: (option) => (option.short === undefined ? `    ${option.flags}` : option.flags),
  // Defaults are part of the descriptions, in words.
  optionDescription: (option) => option.description,
  subcommandTerm: (command) => command.name(),
  styleTitle: (title) => (title === 'Usage:' ? 'Usage: ' : title),
  commandUsage(this: Help | undefined, command: Command): string {
    const parent = command.parent === null ? '' : `${command.parent.name()} `;
    return `${parent}${command.name()} ${command.usage()}`;
  },
};

/** Examples for the end of a command's help. */
export const examples: Readonly<Record<string, readonly string[]>> = {
  tsbuild: ['tsbuild -t app .', 'tsbuild -o type=oci,dest=app.tar .', 'tsbuild build --help'],
  build: [
    'tsbuild -t app .                                  into the store',
    'tsbuild -f docker/app.Dockerfile -t app:1.2 .',
    'tsbuild -o type=oci,dest=app.tar .                an OCI archive',
    'tsbuild -o type=docker,dest=- . | docker load     into Docker',
    'tsbuild --target test -o out .                    the files of a stage',
    'tsbuild --secret id=npm,src=$HOME/.npmrc .        for RUN --mount=type=secret,id=npm',
    'tsbuild - < Dockerfile                            without a context',
  ],
  check: [
    'tsbuild check                                     the Dockerfile here',
    'tsbuild check --strict -f docker/app.Dockerfile . for a pre-commit hook',
    'tsbuild check --format sarif . > check.sarif      for a code host',
  ],
  graph: ['tsbuild graph --format mermaid .', 'tsbuild graph --format dot . | dot -Tsvg > graph.svg'],
  parse: ['tsbuild parse docker/app.Dockerfile', "tsbuild parse --json | jq '.instructions[].name'"],
  context: [
    'tsbuild context                                   why is my context big',
    'tsbuild context --depth 1 | sort -h',
    'tsbuild context --why . src/app.key               why is my file missing',
  ],
  images: ['tsbuild images', "tsbuild images --json | jq -r '.[].name'"],
  inspect: ['tsbuild inspect app'],
  history: ['tsbuild history app'],
  tag: ['tsbuild tag app registry.example.com/team/app:1.2'],
  rm: ['tsbuild rm app:old'],
  save: ['tsbuild save -o app.tar app', 'tsbuild save --format docker app | docker load'],
  load: ['tsbuild load -i app.tar', 'docker save app | tsbuild load'],
  logs: ['tsbuild logs --last', 'tsbuild logs 7', 'tsbuild logs "[builder 2/5]"'],
  du: ['tsbuild du', 'tsbuild du --verbose | less'],
  prune: ['tsbuild prune --dry-run', 'tsbuild prune --all --force', 'tsbuild prune --filter until=168h', 'tsbuild prune --max-used-space 10g'],
  store: ['tsbuild store verify', 'tsbuild store verify --repair'],
  completion: ['tsbuild completion bash > /etc/bash_completion.d/tsbuild', 'source <(tsbuild completion bash)'],
};

/** The lines of `examples` under a heading. */
export function exampleText(name: string): string {
  const lines = examples[name] ?? [];
  return lines.length === 0 ? '' : `\nExamples:\n${lines.map((line) => `  ${line}`).join('\n')}`;
}
