/** Names from outside in messages: a file name may hold anything, also line ends that would make a message look like two. */

const awkward = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\ud800-\udfff]/u;

/** The name as it is, or in JSON's quotes and escapes where it has control characters or is not text (`path-bytes.ts`). */
export function showName(name: string): string {
  return awkward.test(name) ? JSON.stringify(name).replace(/[\u007f-\u009f\u2028\u2029]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`) : name;
}
