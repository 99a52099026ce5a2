/** Descriptions of stages and arguments: the comment above them that starts with their name (SEMANTICS A2, 6). */

/** What is said of the name: `# name what it is for` gives `what it is for`; empty where nothing is. */
export function descriptionOf(name: string, comments: readonly string[]): string {
  const prefix = `${name} `;
  return comments.find((comment) => comment.startsWith(prefix))?.slice(prefix.length) ?? '';
}
