/** Which times files get in layers (DESIGN.md, section 5, "Times"). */
import type { SpecWriter } from '../native/encoding.ts';

/** `clamp`: later times become `seconds`, earlier ones stay; `keep`: real times, in whole seconds. */
export type TimePolicy = { readonly kind: 'clamp'; readonly seconds: number } | { readonly kind: 'keep' };

/** 1980-01-02 in UTC: zip can hold it in every time zone. */
export const clampSeconds = 315619200;

/** What layers get unless the user asks for something else. */
export const defaultTimePolicy: TimePolicy = { kind: 'clamp', seconds: clampSeconds };

/** The mirror image of `readTimePolicy` in addon/sandbox/times.h. */
export function writeTimePolicy(writer: SpecWriter, times: TimePolicy): void {
  writer.u8(times.kind === 'clamp' ? 0 : 1).i64(times.kind === 'clamp' ? times.seconds : 0);
}
