/** The control groups of a build's steps, looked for when the first RUN comes near, and at most once. */
import type { Cgroups } from '../sandbox/cgroup/cgroups.ts';

export interface LazyCgroups {
  /** Begins to look for them; whoever needs them hears of a failure. */
  begin(): void;
  get(): Promise<Cgroups>;
  close(): Promise<void>;
}

export function lazyCgroups(open: () => Promise<Cgroups>): LazyCgroups {
  let opened: Promise<Cgroups> | null = null;
  const get = (): Promise<Cgroups> => (opened ??= open());
  return {
    begin: () => {
      get().catch(() => undefined); // `get` gives the failure to the step that needs groups
    },
    get,
    close: async () => {
      const [outcome] = await Promise.allSettled([opened]);
      if (outcome.status === 'fulfilled') await outcome.value?.close();
    },
  };
}
