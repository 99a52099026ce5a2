/** Descriptions of stages and arguments: the comment above them that starts with their name (SEMANTICS A2, 6). */

/** What is said of the name: `# name what it is for` gives `what it is for`; empty where nothing is. */
export function descriptionOf(name: string, comments: readonly string[]): string {
  return descriptionsIn(comments)(name);
}

/** The same for many names and one list of comments, which is read once. */
export function descriptionsIn(comments: readonly string[]): (name: string) => string {
  const byFirstWord = new Map<string, string>();
  for (const comment of comments.toReversed()) byFirstWord.set(firstWord(comment), comment);
  // A name with a blank in it, which only quotes can make, has no description.
  return (name) => byFirstWord.get(`${name} `)?.slice(name.length + 1) ?? '';
}

/** With the blank that ends it; nothing for a comment of one word. */
function firstWord(comment: string): string {
  return comment.slice(0, comment.indexOf(' ') + 1);
}
