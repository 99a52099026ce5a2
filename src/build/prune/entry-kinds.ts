/** The kinds of things in a store, in the order in which a shared blob is counted for one of them. A file of its own, because options name them. */
export const entryKinds = ['image', 'base image', 'unnamed image', 'step', 'compressed layer', 'download', 'unpacked layer', 'snapshot', 'cache mount', 'context digests', 'log', 'loose blob'] as const;
/** `base image`: a build fetched it because an instruction names it. */
export type EntryKind = (typeof entryKinds)[number];
