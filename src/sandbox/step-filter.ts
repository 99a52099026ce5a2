/**
 * The system call filters of ordinary steps. When tsbuild is built, `bundle.mjs` calls this module and puts one in its place
 * that holds the bytes: neither the compiler nor its tables are in the program. From source they are compiled when asked for.
 */
import type { Isolation } from '../native/isolation.ts';
import { chrootCapabilityNames, defaultCapabilityNames } from './capabilities.ts';
import type { SeccompArchitecture } from './seccomp-profile.ts';
import { compileSeccomp } from './seccomp.ts';

/** The filter for steps with the capabilities that they have in this isolation: BPF instructions. */
export function stepFilter(architecture: SeccompArchitecture, isolation: Isolation = 'namespaces'): Uint8Array {
  if (isolation === 'namespaces') return compileSeccomp({ architecture, capabilities: defaultCapabilityNames });
  return compileSeccomp({ architecture, capabilities: chrootCapabilityNames, sharesProcesses: true });
}
