/**
 * The capabilities of a step that runs as root (capabilities(7)): Docker's default fourteen, a80425fb as a mask
 * (moby/profiles, caps.DefaultCapabilities).
 */

/** Names and the kernel's numbers (linux/capability.h), ascending. */
export const defaultCapabilities = {
  CAP_CHOWN: 0,
  CAP_DAC_OVERRIDE: 1,
  CAP_FOWNER: 3,
  CAP_FSETID: 4,
  CAP_KILL: 5,
  CAP_SETGID: 6,
  CAP_SETUID: 7,
  CAP_SETPCAP: 8,
  CAP_NET_BIND_SERVICE: 10,
  CAP_NET_RAW: 13,
  CAP_SYS_CHROOT: 18,
  CAP_MKNOD: 27,
  CAP_AUDIT_WRITE: 29,
  CAP_SETFCAP: 31,
} as const;

/** Their names, as `compileSeccomp` takes them. */
export const defaultCapabilityNames: ReadonlySet<string> = new Set(Object.keys(defaultCapabilities));

/** Those of a step that only chroot keeps in its tree: with a second chroot, or a disk's device, it would leave it. */
export const chrootCapabilityNames: ReadonlySet<string> = new Set(Object.keys(defaultCapabilities).filter((name) => !['CAP_SYS_CHROOT', 'CAP_MKNOD'].includes(name)));

/** Their numbers. */
export const chrootCapabilities: readonly number[] = Object.entries(defaultCapabilities).flatMap(([name, number]) => (chrootCapabilityNames.has(name) ? [number] : []));
