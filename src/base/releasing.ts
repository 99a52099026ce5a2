/**
 * What was acquired is released whatever happens, and a release that fails never hides why the work failed: it is
 * attached to that failure as its last cause. It knows no resources. Start at `releasing`.
 */

/** Longest chain of causes that is followed: one made by hand could be a ring. */
const causesMax = 64;

/**
 * Does the work, then the release, whatever came of the work.
 * @throws what the work threw, with the release's failure attached; the release's own failure where the work succeeded
 */
export async function releasing<Result>(work: () => Promise<Result>, release: () => Promise<unknown>): Promise<Result> {
  let result: Result;
  try {
    result = await work();
  } catch (error) {
    throw await undo(error, release);
  }
  await release();
  return result;
}

/** Releases one after the other, all of them. @throws the first failure, with the later ones attached */
export async function releaseAll(releases: readonly (() => Promise<unknown>)[]): Promise<void> {
  const [first, ...rest] = releases;
  if (first !== undefined) await releasing(first, () => releaseAll(rest));
}

/** @throws the first of the failures, with the others attached; returns where there is none */
export function throwFirst(failures: readonly unknown[]): void {
  const [first, ...others] = failures;
  others.forEach((other) => attach(first, other));
  if (failures.length > 0) throw first;
}

/** Cleans up after a failure and returns that very failure; should the cleaning fail too, it is its last cause. */
export async function undo(first: unknown, clean: () => Promise<unknown>): Promise<unknown> {
  try {
    await clean();
  } catch (second) {
    attach(first, second);
  }
  return first;
}

function attach(first: unknown, second: unknown): void {
  let last = first;
  for (let depth = 0; depth < causesMax && last instanceof Error && last !== second; depth++) {
    if (last.cause === undefined) {
      last.cause = second;
      return;
    }
    last = last.cause;
  }
}
