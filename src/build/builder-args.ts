/** Build arguments that speak to the builder (docs.docker.com/build/building/variables, "BuildKit built-in build args"). */
import type { Notice } from '../base/events.ts';
import type { BuildRequest } from './build-request.ts';

type Arguments = Pick<BuildRequest, 'buildArgs'>;

/** The value that counts, the last one; empty where it is not given. */
export function builderArg({ buildArgs }: Arguments, name: string): string {
  return buildArgs.findLast(({ key }) => key === name)?.value ?? '';
}

/** As Go's strconv.ParseBool; null where it is neither. */
export function parseBoolean(text: string): boolean | null {
  if (/^(1|t|T|true|TRUE|True)$/.test(text)) return true;
  return /^(0|f|F|false|FALSE|False)$/.test(text) ? false : null;
}

/** What is asked for and has no effect here. */
export function builderArgNotices(request: Arguments): readonly Notice[] {
  if (parseBoolean(builderArg(request, 'BUILDKIT_INLINE_CACHE')) !== true) return [];
  return [{ level: 'info', code: 'INLINE_CACHE_UNAVAILABLE', text: 'BUILDKIT_INLINE_CACHE has no effect: no cache is put into the image' }];
}
