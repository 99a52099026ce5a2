/**
 * The first file of the program: answers `--version` before anything else is evaluated, then starts the rest.
 * It parses no other option and imports nothing statically, so that the bundle stays asleep until it is needed.
 * Read on in `start.ts`.
 */
declare const TSBUILD_VERSION: string | undefined;

const version = typeof TSBUILD_VERSION === 'string' ? TSBUILD_VERSION : '0.0.0-source';
const words = process.argv.slice(2);

if (words.length === 1 && (words[0] === '--version' || words[0] === '-v')) {
  process.stdout.write(`tsbuild ${version}\n`);
} else {
  void import('./start.ts').then(({ start }) => start(words, version));
}
