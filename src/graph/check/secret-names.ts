/** SecretsUsedInArgOrEnv: names that sound like secrets (BuildKit dockerfile2llb/validations.go, getSecretsRegex). */

const secretWords = ['apikey', 'auth', 'credential', 'credentials', 'key', 'password', 'pword', 'passwd', 'secret', 'token'];
/** With one of these in it, the name is not of the secret itself. */
const harmlessWords = ['public', 'file', 'version'];

function anyWord(words: readonly string[]): RegExp {
  return new RegExp(`(?:_|^)(?:${words.join('|')})(?:_|$)`, 'i');
}

const secret = anyWord(secretWords);
const harmless = anyWord(harmlessWords);

/** Whether one of the words of a name, between underscores, says so, in whatever case. */
export function looksSecret(name: string): boolean {
  return secret.test(name) && !harmless.test(name);
}
