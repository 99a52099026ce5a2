/** What a plan may grow to, and that its cost grows with its length. */
import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { executedBlocks } from '../support/executed.ts';
import { graphOf, refused, targetOf } from './support.ts';

const lines = (count: number, make: (index: number) => string): string => Array.from({ length: count }, (_, index) => make(index)).join('\n');

const shapes: Readonly<Record<string, (index: number) => string>> = {
  'different instructions': (index) => [`ENV A${index % 20}=${index}`, `RUN echo ${index}`, `COPY a${index} /b`, `LABEL l=${index}`, `WORKDIR /w${index}`][index % 5] ?? '',
  'variables of different names': (index) => `ENV E${index}=$E${index - 1}`,
  'one variable and a step': (index) => (index % 2 === 0 ? `ARG A=${index}` : 'RUN x'),
  'labels, ports and volumes': (index) => [`LABEL l${index}=1`, `EXPOSE ${index}`, `VOLUME /v${index}`][index % 3] ?? '',
  'triggers': (index) => `ONBUILD RUN ${index}`,
  'stages on top of each other': (index) => `FROM ${index === 0 ? 'a' : `s${index - 1}`} AS s${index}`,
  'stages that copy from the one before': (index) => `FROM a AS s${index}${index === 0 ? '' : `\nCOPY --from=s${index - 1} x y`}`,
};

for (const [name, make] of Object.entries(shapes)) {
  test(`the cost of planning grows as the file does: ${name}`, () => {
    const source = (count: number): string => `FROM a\n${lines(count, make)}`;
    const cost = (count: number): number => executedBlocks(() => graphOf(source(count)));
    const ratio = cost(4_000) / cost(1_000);
    assert.ok(ratio > 3 && ratio < 5, `4000 lines cost ${ratio.toFixed(2)} times as much as 1000`);
  });
}

test('three hundred stages are planned, each once', () => {
  const graph = graphOf(lines(300, (index) => (index === 0 ? 'FROM a AS s0' : `FROM s${index - 1} AS s${index}\nRUN ${index}`)));
  assert.equal(graph.vertices.filter(({ operation }) => operation.kind === 'run').length, 299);
  assert.equal(targetOf(graph).history.length, 299);
});

test('ten thousand lines of history are the most that an image has', () => {
  assert.equal(targetOf(graphOf(`FROM scratch\n${lines(10_000, (index) => `LABEL l=${index}`)}`)).history.length, 10_000);
  refused(`FROM scratch\n${lines(10_001, (index) => `LABEL l=${index}`)}`, 'IMAGE_CONFIG_TOO_LARGE', [10_002, 10_002], { message: /^image config: history has more than 10000 entries$/ });
  const history = Array.from({ length: 9_999 }, () => ({ created_by: 'base', empty_layer: true }));
  refused('FROM a\nLABEL a=b\nLABEL c=d', 'IMAGE_CONFIG_TOO_LARGE', [3, 3], { bases: { a: { history, layers: 0 } } });
});

test('a variable that contains itself twice ends soon, at a limit that the error names', () => {
  for (const keyword of ['ENV', 'ARG']) {
    refused(`FROM scratch\n${keyword} A=x\n${lines(60, () => `${keyword} A=$A$A`)}`, 'WORD_TOO_LARGE', [23, 23], { message: /^a substitution gives more than 10485\d\d characters$/ });
  }
  refused(`ARG A=x\n${lines(60, () => 'ARG A=$A$A')}\nFROM scratch`, 'WORD_TOO_LARGE', [22, 22]);
});

test('a history that could not be read back is refused where it becomes too long', () => {
  const long = `ARG A=${'x'.repeat(50_000)}\nARG A=${'$A'.repeat(20)}`;
  refused(`${long}\nFROM scratch\nARG A\n${lines(20, (index) => `LABEL l${index}=$A`)}`, 'IMAGE_CONFIG_TOO_LARGE', [12, 12], { message: /^image config: the history has more than 8388608 characters$/ });
  refused(`${long}\nFROM scratch\nARG A\n${lines(4, (index) => `LABEL l${index}=$A`)}`, 'IMAGE_CONFIG_TOO_LARGE', [3, 3], { message: /^image config: it has more than 8388608 bytes$/ });
});

test('stages that each make a long history are refused together', () => {
  const stage = (index: number): string => `FROM scratch AS s${index}\nARG A\n${index === 0 ? '' : `COPY --from=s${index - 1} x y\n`}${lines(5, () => 'LABEL l=$A')}`;
  refused(`ARG A=${'x'.repeat(50_000)}\nARG A=${'$A'.repeat(20)}\n${lines(20, stage)}`, 'PLAN_TOO_LARGE', [93, 93], { message: /^planning: the stages of this file make more than 67108864 characters/ });
});
