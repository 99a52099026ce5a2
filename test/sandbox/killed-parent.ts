// Started by life.test.ts, which kills it: runs a step that would never end, with a daemon.
import { runStep } from '../../src/sandbox/run-step.ts';
import { openStepFixture } from './step-fixture.ts';

const [, , mark = ''] = process.argv;
const fixture = await openStepFixture();
await runStep(fixture.helper, fixture.spec(`(setsid sleep ${mark} &); echo started; sleep ${mark}`), {
  onOutput: (_stream, chunk) => void process.stdout.write(chunk),
});
