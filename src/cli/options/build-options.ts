/**
 * Declares the options of `tsbuild build` and `tsbuild graph`, in docker's words and in groups for `--help`.
 * It gives them no meaning: `build-values.ts` does.
 */
import { Option, type Command } from 'commander';
import { pidsMaxDefault } from '../../sandbox/cgroup/group-limits.ts';
import { contextModes, entitlements, isolationChoices, networkModes, timestampPolicies, usernsModes } from '../build-request.ts';
import { callMethods } from '../commands.ts';
import { unavailableOptions } from './unavailable.ts';

/** What commander hands over: words as written, except for flags. */
export interface RawBuildOptions {
  readonly file?: string;
  readonly target?: string;
  readonly buildArg: readonly string[];
  readonly buildContext: readonly string[];
  readonly contextModes: string;
  readonly secret: readonly string[];
  readonly ssh: readonly string[];
  readonly platform: readonly string[];
  readonly tag: readonly string[];
  readonly label: readonly string[];
  readonly annotation: readonly string[];
  readonly output: readonly string[];
  readonly iidfile?: string;
  readonly metadataFile?: string;
  readonly timestamps: string;
  /** False after `--no-cache`. */
  readonly cache: boolean;
  /** Of `--no-cache-filter`; commander drops the `no-`. */
  readonly cacheFilter: readonly string[];
  readonly pull?: boolean;
  readonly store?: string;
  readonly maxUsedSpace?: string;
  readonly network: string;
  readonly isolation: string;
  readonly addHost: readonly string[];
  readonly ulimit: readonly string[];
  readonly shmSize?: string;
  readonly userns: string;
  readonly memory?: string;
  readonly memorySwap?: string;
  readonly cpus?: string;
  readonly cpuQuota?: string;
  readonly cpuPeriod?: string;
  readonly cpuShares?: string;
  readonly cpusetCpus?: string;
  readonly cpusetMems?: string;
  readonly pidsLimit?: string;
  readonly deviceReadBps: readonly string[];
  readonly deviceWriteBps: readonly string[];
  readonly deviceReadIops: readonly string[];
  readonly deviceWriteIops: readonly string[];
  readonly cgroupParent?: string;
  readonly allow: readonly string[];
  readonly jobs?: string;
  readonly progress?: string;
  readonly quiet?: boolean;
  readonly call?: string;
  readonly check?: boolean;
}

/** The words of --progress. */
export const progressModes = ['auto', 'tty', 'plain', 'quiet', 'rawjson'] as const;
export type ProgressMode = (typeof progressModes)[number];

const collect = (word: string, previous: readonly string[]): string[] => [...previous, word];
const list = (flags: string, description: string): Option => new Option(flags, description).default([]).argParser(collect);

/** Adds `--call` and `--check`, which look at the Dockerfile instead of building it. */
export function addCallOptions(command: Command): Command {
  command.optionsGroup('Options:');
  command.addOption(new Option('--call <method>', `What to do with the Dockerfile: build, ${callMethods.join(', ')}; ,format=json prints JSON (default: build)`));
  return command.addOption(new Option('--check', 'Check the Dockerfile and build nothing: short for --call=check'));
}

/** Adds the options that `tsbuild check` has in common with a build; the others are as if not given. */
export function addInputOptions(command: Command): Command {
  const used = new Set(['--file', '--build-arg', '--build-context', '--platform']);
  command.optionsGroup('Input options:');
  for (const option of inputOptions().filter(({ long }) => used.has(long ?? ''))) command.addOption(option);
  return command.addOption(new Option('--target <stage>', 'Check only what this stage needs (default: all stages)'));
}

/** What commander gives where no option is given. */
export const noBuildOptions: RawBuildOptions = {
  buildArg: [], buildContext: [], contextModes: 'keep', secret: [], ssh: [], platform: [], tag: [], label: [], annotation: [], output: [], timestamps: 'constant',
  cache: true, cacheFilter: [], network: 'default', isolation: 'default', userns: 'host', addHost: [], ulimit: [], allow: [], deviceReadBps: [], deviceWriteBps: [], deviceReadIops: [], deviceWriteIops: [],
};

/** Adds all options. `network` says what `--network default` means on this machine. */
export function addBuildOptions(command: Command, network: string): Command {
  for (const [heading, options] of Object.entries(optionGroups(network))) {
    command.optionsGroup(`${heading}:`);
    for (const option of options) command.addOption(option);
  }
  for (const option of unavailableOptions()) command.addOption(option);
  return command;
}

function optionGroups(network: string): Readonly<Record<string, readonly Option[]>> {
  return {
    'Input options': inputOptions(),
    'Image options': imageOptions(),
    'Output options': outputOptions(),
    'Cache options': cacheOptions(),
    'RUN options': runOptions(network),
    'Limits of each RUN': limitOptions(),
    'Progress options': [
      new Option('--progress <type>', `How to show progress: ${progressModes.join(', ')} (default: auto, or $BUILDKIT_PROGRESS)`),
      new Option('-q, --quiet', 'Show nothing but errors, and print the image ID'),
    ],
  };
}

function inputOptions(): readonly Option[] {
  return [
    new Option('-f, --file <path>', 'Dockerfile, - for standard input (default: PATH/Dockerfile)'),
    new Option('--target <stage>', 'Stage to build (default: the last one)'),
    list('--build-arg <name=value>', 'Set an ARG; NAME alone takes the value from the environment'),
    list('--build-context <name=value>', 'Add a named context: a directory, docker-image://, oci-layout:// or a URL'),
    new Option('--context-modes <modes>', `Modes of files in directories: ${contextModes.join(', ')}. git: 755 if the owner may execute a file, else 644, directories 755, so that checkouts under any umask agree (default: keep)`).default('keep'),
    list('--secret <spec>', 'Offer a secret to RUN: id=ID[,src=FILE|,env=NAME]'),
    list('--ssh <spec>', 'Offer an SSH agent or keys to RUN: default, or ID=SOCKET|KEY[,KEY]'),
    list('--platform <list>', 'Platforms to build for, such as linux/arm64 (default: this machine)'),
  ];
}

function imageOptions(): readonly Option[] {
  return [
    list('-t, --tag <name>', 'Name of the image: [REGISTRY/]NAME[:TAG]'),
    list('--label <name=value>', 'Set a label'),
    list('--annotation <spec>', 'Set an annotation: [manifest|index:]NAME=VALUE'),
    new Option('--timestamps <policy>', `File times in layers: ${timestampPolicies.join(', ')} (default: constant)`).default('constant'),
  ];
}

function outputOptions(): readonly Option[] {
  return [
    list('-o, --output <spec>', 'What to write: type=oci|docker|tar|local,dest=PATH, or a directory'),
    new Option('--iidfile <path>', 'Write the image ID to a file'),
    new Option('--metadata-file <path>', 'Write what was built to a file, as JSON'),
  ];
}

function cacheOptions(): readonly Option[] {
  return [
    new Option('--no-cache', 'Run every step again'),
    list('--no-cache-filter <stages>', 'Run the steps of these stages again'),
    new Option('--pull', 'Ask the registry for base images even if they are in the store'),
    storeOption(),
    new Option('--max-used-space <size>', 'Keep the cache within so many bytes after the build, or off (default: $TSBUILD_MAX_USED_SPACE, else 20 GB or a fifth of the disk)'),
  ];
}

function runOptions(network: string): readonly Option[] {
  return [
    new Option('--network <mode>', `Network of RUN: ${networkModes.join(', ')}; default means ${network}`).default('default'),
    new Option('--isolation <how>', `What keeps RUN apart: ${isolationChoices.join(', ')}; default means namespaces, or chroot where root may make none`).default('default'),
    list('--add-host <host:ip>', 'Add a line to /etc/hosts; host-gateway is this machine'),
    list('--ulimit <name=soft[:hard]>', 'Set a resource limit'),
    new Option('--shm-size <bytes>', 'Size of /dev/shm, such as 64m'),
    new Option('--userns <mode>', `Whether root in RUN is root of this machine when root builds: ${usernsModes.join(', ')}; auto gives it ids of nobody`).default('host'),
    list('--allow <entitlement>', `Allow what is forbidden otherwise: ${entitlements.join(', ')}`),
    new Option('--jobs <number>', 'How many RUN steps may run at once'),
  ];
}

function limitOptions(): readonly Option[] {
  return [
    new Option('-m, --memory <bytes>', 'Memory, such as 512m'),
    new Option('--memory-swap <bytes>', 'Memory and swap together; -1 for no limit of swap (default: twice --memory)'),
    new Option('--cpus <number>', 'Processors, such as 1.5'),
    new Option('--cpu-quota <us>', 'Processor time in each period; --cpus 1.5 is 150000'),
    new Option('--cpu-period <us>', 'Length of a period (default: 100000)'),
    new Option('-c, --cpu-shares <weight>', 'Weight against others (default: 1024)'),
    new Option('--cpuset-cpus <list>', 'Processors that may be used, such as 0-3,8'),
    new Option('--cpuset-mems <list>', 'Memory nodes that may be used'),
    new Option('--pids-limit <number>', `Processes and threads; -1 for no limit (default: ${pidsMaxDefault})`),
    list('--device-read-bps <spec>', 'Bytes a second from a block device: PATH:BYTES, such as /dev/sda:10m'),
    list('--device-write-bps <spec>', 'Bytes a second to a block device'),
    list('--device-read-iops <spec>', 'Reads a second from a block device'),
    list('--device-write-iops <spec>', 'Writes a second to a block device'),
    new Option('--cgroup-parent <path>', 'Control group below which those of the steps are made'),
  ];
}

/** `--store`, which every command has. */
export function storeOption(): Option {
  return new Option('--store <directory>', 'Where images and cache are kept (default: $TSBUILD_ROOT, or by user)');
}
