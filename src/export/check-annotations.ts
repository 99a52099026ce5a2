/** Looks at all annotations before a build begins: one that no document of the image would bear is refused, not lost. */
import { TsbuildError } from '../base/errors.ts';
import type { Platform } from '../image/config.ts';
import { formatWholePlatform, parsePlatform, platformsEqual } from '../image/platform.ts';
import type { OutputAnnotation, OutputSpec } from './output-spec.ts';

/** What the image is going to be. */
export interface ImageShape {
  /** At least one. */
  readonly platforms: readonly Platform[];
  readonly isIndex: boolean;
}

/** @throws TsbuildError `ANNOTATION_LEVEL`, `ANNOTATION_PLATFORM`, `PLATFORM_INVALID`, class usage */
export function checkAnnotations(annotations: readonly OutputAnnotation[], specs: readonly OutputSpec[], shape: ImageShape): void {
  const own = specs.flatMap((spec) => ('annotations' in spec ? spec.annotations : []));
  for (const annotation of [...annotations, ...own]) checkAnnotation(annotation, shape);
}

function checkAnnotation({ level, platform, key }: OutputAnnotation, { platforms, isIndex }: ImageShape): void {
  if (!isIndex && (level === 'index' || level === 'index-descriptor')) {
    throw new TsbuildError('usage', 'ANNOTATION_LEVEL', `annotation ${key}: index annotations are not supported for a single platform`, {
      hint: 'Annotate the manifest, or build for several platforms.',
    });
  }
  const [first] = platforms;
  if (platform === null || first === undefined) return;
  const wanted = parsePlatform(platform, first);
  if (platforms.some((one) => platformsEqual(one, wanted))) return;
  throw new TsbuildError('usage', 'ANNOTATION_PLATFORM', `annotation ${key}: the build has no platform ${platform}`, {
    hint: `It is for ${platforms.map(formatWholePlatform).join(', ')}.`,
  });
}
