/** A program like tsbuild over fake commands, for `process.test.ts`: the build talks until it is aborted. */
import { start } from '../../src/cli/start.ts';
import { fakeCommands, say } from './support.ts';

const load = fakeCommands({
  build: (request, sink, signal) => new Promise((_, reject) => {
    let timeMs = 0;
    const timer = setInterval(() => { sink(say.log(timeMs++, 1, `line ${timeMs}\n`)); }, 5);
    sink(say.start(0, 1, 'RUN talk'));
    if (request.target === 'bug') setImmediate(() => { throw new TypeError('boom'); });
    signal.addEventListener('abort', () => {
      // Cleaning up takes until the second signal, so that the test can send one.
      process.once('SIGINT', () => {
        clearInterval(timer);
        reject(signal.reason as Error);
      });
      if (request.target !== 'slow') process.emit('SIGINT');
    });
  }),
  images: () => Promise.resolve(Array.from({ length: 50_000 }, (_, index) => (
    { name: `docker.io/library/app:${index}`, imageID: 'sha256:0', manifestDigest: 'sha256:0', sizeBytes: index, platforms: ['linux/amd64'] }
  ))),
});

await start(process.argv.slice(2), '1.2.3', load);
