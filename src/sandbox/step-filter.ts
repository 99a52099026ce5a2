/**
 * The system call filter of ordinary steps. When tsbuild is built, `bundle.mjs` calls this module and puts one in its place
 * that holds the bytes: neither the compiler nor its tables are in the program. From source it is compiled when asked for.
 */
import { defaultCapabilityNames } from './capabilities.ts';
import type { SeccompArchitecture } from './seccomp-profile.ts';
import { compileSeccomp } from './seccomp.ts';

/** The filter for steps with Docker's default capabilities: BPF instructions. */
export function stepFilter(architecture: SeccompArchitecture): Uint8Array {
  return compileSeccomp({ architecture, capabilities: defaultCapabilityNames });
}
