/**
 * How steps are kept apart from the machine: by namespaces and mounts, or, in a container that may make neither, by chroot and
 * what a process can forbid itself. Data only.
 */

/** What a sandbox process does; see `addon/sandbox/server.cc`. */
export type Isolation = 'namespaces' | 'chroot';

/** What the user asks for: `default` is namespaces, and chroot where they cannot be had. */
export const isolationChoices = ['default', 'chroot'] as const;
export type IsolationChoice = (typeof isolationChoices)[number];
