/** What was found out about a machine by trying: data only. `probe-machine.ts` finds it, `judge.ts` says what it means. */
import type { Isolation } from '../../native/isolation.ts';
import type { Try } from '../../sandbox/probe.ts';

export interface Facts {
  readonly node: string;
  readonly kernel: string;
  readonly architecture: string;
  readonly user: { readonly uid: number; readonly name: string };
  /** `failure`: why no sandbox process could be started in namespaces; null: it could, and `tries` tell what it can do. */
  readonly namespaces: { readonly failure: string | null; readonly tries: readonly Try[] };
  /** How a build's ids come about: the machine's own (null), a range, one, or those of the namespace that tsbuild is in. */
  readonly ids: { readonly kind: 'machine' | 'range' | 'single' | 'inherited'; readonly count: number; readonly hasPrograms: boolean };
  /** Settings of the kernel that restrict user namespaces, as far as they exist: by their names in /proc/sys. */
  readonly settings: Readonly<Record<string, string>>;
  /** A whole step was set up up to its command, in the isolation that a build would use; null: there is none to use. */
  readonly step: { readonly isolation: Isolation; readonly failure: string | null } | null;
  readonly store: {
    readonly path: string;
    /** Where it was tried: the store, or the nearest directory above that exists. */
    readonly triedIn: string;
    readonly fileSystem: string;
    readonly freeBytes: number;
    /** Why nothing can be written there; null: it can. */
    readonly failure: string | null;
    readonly sharesBlocks: boolean;
  };
  /** `missing` says what steps do without; null: nothing. */
  readonly cgroups: { readonly version: 1 | 2 | null; readonly missing: string | null };
  readonly network: { readonly program: string | null; readonly reason: string; readonly install: string };
  /** Names of registered interpreters for other processors. */
  readonly interpreters: readonly string[];
  /** What `git --version` says, null where it is not there. */
  readonly git: string | null;
  readonly ssh: string | null;
  /** The security modules' words about this process: AppArmor's profile or SELinux's context; null: none. */
  readonly label: string | null;
  readonly terminal: { readonly isTerminal: boolean; readonly columns: number | null };
}
