/** How large what an archive stands for may be: a few kilobytes can stand for terabytes. */

/** Of one context or one source of ADD, decompressed, where the user does not say. */
export const archiveBytesDefault = 16 * 1024 ** 3;
export const archiveSizeHint = 'If it can be trusted, raise the limit: TSBUILD_ARCHIVE_SIZE_MAX=64g.';
