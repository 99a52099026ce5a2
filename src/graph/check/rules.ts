/**
 * The rules by name, with what they say in general. Names, descriptions, messages and addresses are BuildKit's: people
 * search for them, and programs and `# check=skip=` compare them (frontend/dockerfile/linter/ruleset.go, 1.26).
 */

/** What is the same for all findings of a rule. */
export interface Rule {
  readonly description: string;
  /** The last part of the address of its documentation; null where there is none. */
  readonly page: string | null;
  /** Off unless `experimental=` names it; `skip` does not apply to it. */
  readonly isExperimental?: true;
}

export const rules = {
  StageNameCasing: { description: 'Stage names should be lowercase', page: 'stage-name-casing' },
  FromAsCasing: { description: "The 'as' keyword should match the case of the 'from' keyword", page: 'from-as-casing' },
  NoEmptyContinuation: { description: 'Empty continuation lines will become errors in a future release', page: 'no-empty-continuation' },
  ConsistentInstructionCasing: {
    description: 'All commands within the Dockerfile should use the same casing (either upper or lower)',
    page: 'consistent-instruction-casing',
  },
  DuplicateStageName: { description: 'Stage names should be unique', page: 'duplicate-stage-name' },
  ReservedStageName: { description: 'Reserved words should not be used as stage names', page: 'reserved-stage-name' },
  JSONArgsRecommended: {
    description: 'JSON arguments recommended for ENTRYPOINT/CMD to prevent unintended behavior related to OS signals',
    page: 'json-args-recommended',
  },
  MaintainerDeprecated: {
    description: 'The MAINTAINER instruction is deprecated, use a label instead to define an image author',
    page: 'maintainer-deprecated',
  },
  UndefinedArgInFrom: { description: 'FROM command must use declared ARGs', page: 'undefined-arg-in-from' },
  WorkdirRelativePath: {
    description: 'Relative workdir without an absolute workdir declared within the build can have unexpected results if the base image changes',
    page: 'workdir-relative-path',
  },
  UndefinedVar: { description: 'Variables should be defined before their use', page: 'undefined-var' },
  MultipleInstructionsDisallowed: {
    description: 'Multiple instructions of the same type should not be used in the same stage',
    page: 'multiple-instructions-disallowed',
  },
  LegacyKeyValueFormat: { description: 'Legacy key/value format with whitespace separator should not be used', page: 'legacy-key-value-format' },
  InvalidBaseImagePlatform: { description: 'Base image platform does not match expected target platform', page: null },
  RedundantTargetPlatform: {
    description: 'Setting platform to predefined $TARGETPLATFORM in FROM is redundant as this is the default behavior',
    page: 'redundant-target-platform',
  },
  SecretsUsedInArgOrEnv: { description: 'Sensitive data should not be used in the ARG or ENV commands', page: 'secrets-used-in-arg-or-env' },
  InvalidDefaultArgInFrom: {
    description: 'Default value for global ARG results in an empty or invalid base image name',
    page: 'invalid-default-arg-in-from',
  },
  FromPlatformFlagConstDisallowed: {
    description: 'FROM --platform flag should not use a constant value',
    page: 'from-platform-flag-const-disallowed',
  },
  CopyIgnoredFile: { description: 'Attempting to Copy file that is excluded by .dockerignore', page: 'copy-ignored-file' },
  InvalidDefinitionDescription: {
    description: 'Comment for build stage or argument should follow the format: `# <arg/stage name> <description>`. If this is not intended to be a description comment, add an empty line or comment between the instruction and the comment.',
    page: 'invalid-definition-description',
    isExperimental: true,
  },
  ExposeProtoCasing: { description: 'Protocol in EXPOSE instruction should be lowercase', page: 'expose-proto-casing' },
  ExposeInvalidFormat: {
    description: 'IP address and host-port mapping should not be used in EXPOSE instruction. This will become an error in a future release',
    page: 'expose-invalid-format',
  },
} as const satisfies Readonly<Record<string, Rule>>;

export type RuleName = keyof typeof rules;

/** What is known of a rule. */
export function ruleOf(name: RuleName): Rule {
  return rules[name];
}

/** The address of the rule's documentation. */
export function ruleUrl(name: RuleName): string | null {
  const { page } = ruleOf(name);
  return page === null ? null : `https://docs.docker.com/go/dockerfile/rule/${page}/`;
}
