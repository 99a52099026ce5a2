/** Owners and modes of what COPY and ADD write: SEMANTICS A6, 59 to 61 and 63; A1, 26 and 27; "Ours", 3. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openCopyBench, type CopyBench } from '../../support/copy-bench.ts';
import { skipWithout } from '../../support/needs.ts';

const skip = skipWithout('root');
let bench: CopyBench;
before(async () => { bench = await openCopyBench(); });
after(() => bench.close());

const accounts = 'mkdir etc; printf "root:x:0:0::/root:\\napp:x:1000:1001::/app:\\n" > etc/passwd; printf "app:x:1001:\\nwheel:x:10:app\\n" > etc/group; printf 1 > f; chown 5:6 f; mkdir d; chown 7:8 d; printf 2 > d/g; chown 9:10 d/g; ln -s g d/l; chown -h 11:12 d/l';

test('A6.59 files of a context belong to 0:0, those of a stage keep their owners, by name and by number of the stage', { skip }, async () => {
  const { layers } = await bench.build({
    context: 'mkdir d; printf 1 > f; printf 2 > d/g; chown -R 5:6 f d',
    below: accounts,
    dockerfile: 'FROM scratch AS from\nADD below.tar /\nFROM scratch\nCOPY f d /context/\nADD f d /added/\nCOPY --from=from /f /d /name/\nCOPY --from=0 f d/ /number/\n',
  });
  const kept = (name: string): readonly string[] => [`${name} d 755 0:0`, `${name}/f f 644 5:6 "1"`, `${name}/g f 644 9:10 "2"`, `${name}/l l 777 11:12 -> g`];
  assert.deepEqual(layers, [
    ['context d 755 0:0', 'context/f f 644 0:0 "1"', 'context/g f 644 0:0 "2"'],
    ['added d 755 0:0', 'added/f f 644 0:0 "1"', 'added/g f 644 0:0 "2"'],
    kept('name'),
    kept('number'),
  ]);
});

test('A6.60 USER changes nothing about COPY and ADD, but owns what WORKDIR makes', { skip }, async () => {
  const { layers } = await bench.build({ context: 'printf 1 > f', below: accounts, dockerfile: 'FROM scratch\nADD below.tar /\nUSER app:wheel\nCOPY f /a/f\nADD f /b/\nWORKDIR /w/x\nCOPY f .\n' });
  assert.deepEqual(layers.slice(1), [
    ['a d 755 0:0', 'a/f f 644 0:0 "1"'],
    ['b d 755 0:0', 'b/f f 644 0:0 "1"'],
    ['w d 755 1000:10', 'w/x d 755 1000:10'],
    ['w d 755 1000:10', 'w/x d 755 1000:10', 'w/x/f f 644 0:0 "1"'],
  ]);
});

test('A6.61 A1.26 --chown takes names of the stage it copies into, numbers, and variables; the primary group where none is named', { skip }, async () => {
  const lines = ['app', 'app:wheel', '123', '123:wheel', 'app:7', '8:9', '$WHO'];
  const { layers, tree } = await bench.build({
    context: 'printf 1 > f',
    below: accounts,
    dockerfile: `FROM scratch AS from\nADD below.tar /\nFROM scratch\nADD below.tar /\nARG WHO=app:10\n${lines.map((owner, index) => `COPY --chown=${owner} f /c/${String(index)}`).join('\n')}\nCOPY --from=from --chown=app d /stage\n`,
  });
  assert.deepEqual(layers.slice(1, 8).map((layer) => (layer.at(-1) ?? '').split(' ')[3]), ['1000:1001', '1000:10', '123:123', '123:10', '1000:7', '8:9', '1000:10']);
  assert.deepEqual(tree.filter((line) => line.startsWith('stage')), ['stage d 755 1000:1001', 'stage/g f 644 1000:1001 "2"', 'stage/l l 777 1000:1001 -> g']);
});

test('Ours.3 a name that the stage does not know is an error that names it and the stage', { skip }, async () => {
  const cases = [
    ['COPY --chown=nobody f /', 'unable to find user nobody in stage last: no matching entries in /etc/passwd', 'user', 'nobody'],
    ['ADD --chown=app:nobody f /', 'unable to find group nobody in stage last: no matching entries in /etc/group', 'group', 'nobody'],
    ['COPY --from=first --chown=only-there f /', 'unable to find user only-there in stage last: no matching entries in /etc/passwd', 'user', 'only-there'],
  ] as const;
  for (const [line, message, kind, name] of cases) {
    const error = await bench.refuse({ context: 'printf 1 > f; echo only-there:x:1:1::/: > passwd', below: accounts, dockerfile: `FROM scratch AS first\nCOPY passwd /etc/\nCOPY f /\nFROM scratch AS last\nADD below.tar /\n${line}\n` });
    assert.deepEqual([error.code, error.message, error.position?.startLine, error.details], ['USER_UNKNOWN', message, 6, { [kind]: name, stage: 'last' }]);
  }
});

test('A6.61 accounts are read from the merged tree, through links inside the root, and one of a later layer counts', { skip }, async () => {
  const { layers } = await bench.build({
    context: 'echo app:x:2000:2001::/: > passwd; printf 1 > f',
    below: 'mkdir -p usr/etc; ln -s ../../usr/etc etc; printf "app:x:1000:1001::/app:\\n" > usr/etc/passwd',
    dockerfile: 'FROM scratch\nADD below.tar /\nCOPY --chown=app f /1\nCOPY passwd /etc/\nCOPY --chown=app f /2\n',
  });
  assert.deepEqual([layers[1], layers[3]], [['1 f 644 1000:1001 "1"'], ['2 f 644 2000:2001 "1"']]);
});

test('A6.63 A1.26 A1.27 --chmod takes octal and symbolic modes and variables; X means directories and what is executable', { skip }, async () => {
  const lines = ['0', '7777', '$MODE', 'u=rwX,go=rX', 'g+w,o-r', '+x', 'a=r,u+s', 'o=u'];
  const { layers } = await bench.build({
    context: 'mkdir -p d/sub; printf 1 > d/f; printf 2 > d/x; chmod 640 d/f; chmod 750 d/x; chmod 700 d/sub; ln -s f d/l',
    dockerfile: `FROM scratch\nARG MODE=0604\n${lines.map((mode, index) => `COPY --chmod=${mode} d /${String(index)}/`).join('\n')}\n`,
  });
  const modes = layers.map((layer) => layer.map((line) => line.split(' ')[2]).join(' '));
  //                          the new directory, f, l, sub, x
  assert.deepEqual(modes, ['0 0 777 0 0', '777 7777 777 7777 7777', '604 604 777 604 604', '755 644 777 755 755', '755 660 777 720 770', '755 751 777 711 751', '755 4444 777 4444 4444', '755 646 777 707 757']);
  for (const mode of ['8', '10000', 'u=q', '77777']) {
    const error = await bench.refuse({ context: 'printf 1 > f', dockerfile: `FROM scratch\nCOPY --chmod=${mode} f /\n` });
    assert.deepEqual([error.code, error.position?.startLine], ['MODE_INVALID', 2], mode);
  }
});
