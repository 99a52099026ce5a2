/**
 * Letters in lower case as Go's strings.ToLower sees them, which decides what a keyword is. Start at `lowerCase`.
 */

/** JavaScript makes two characters of the Turkish `\u0130`; Go makes the one that `WORKD\u0130R` needs to be WORKDIR. */
export function lowerCase(text: string): string {
  return text.replaceAll('\u0130', 'i').toLowerCase();
}
