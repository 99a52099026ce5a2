/** USER and --chown: SEMANTICS A6, 61, 63a and 86; "Ours", 3. */
import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { TsbuildError } from '../../src/base/errors.ts';
import { isNumericUser, resolveOwner, resolveUser, type AccountFiles } from '../../src/build/users.ts';

const files: AccountFiles = {
  passwd: [
    '# comment', 'root:x:0:0:root:/root:/bin/sh', '', 'toor:x:0:5:second root:/toor:/bin/sh', '  app:x:1000:1001:App:/home/app:/bin/sh  ', 'app:x:9:9::/second:', 'nohome:x:7:8', '2000:x:3000:3001::/number:', 'bad:x:abc:1::/:',
    'short', '__proto__:x:40:41::/p:', 'constructor:x:42:43::/c:',
  ].join('\n'),
  group: ['root:x:0:', 'app:x:1001:', 'wheel:x:10:root,app', 'audio:x:11:app,other', 'twice:x:11:app', 'early:x:3:app', '99:x:98:', 'bad:x:zz:app', '#gone:x:12:app', 'constructor:x:44:constructor'].join('\r\n'),
};
const none: AccountFiles = { passwd: '', group: '' };

/** `uid:gid[groups] home`, or the code of the refusal. */
function user(text: string, accounts: AccountFiles = files): string {
  try {
    const { uid, gid, groups, home } = resolveUser(text, accounts, 'app');
    return `${uid}:${gid}[${groups.join(',')}] ${home}`;
  } catch (error) {
    assert.ok(error instanceof TsbuildError && error.errorClass === 'usage', String(error));
    return error.code;
  }
}

function owner(text: string, accounts: AccountFiles = files): string {
  try {
    const { uid, gid } = resolveOwner(text, accounts, 'app');
    return `${uid}:${gid}`;
  } catch (error) {
    assert.ok(error instanceof TsbuildError && error.errorClass === 'usage', String(error));
    return error.code;
  }
}

function check(resolve: (text: string, accounts?: AccountFiles) => string, table: readonly (readonly [text: string, expected: string, accounts?: AccountFiles])[]): void {
  for (const [text, expected, accounts] of table) assert.equal(resolve(text, accounts), expected, text);
}

test('A6.86 USER name has its primary and supplementary groups, sorted and once each', () => check(user, [
  ['app', '1000:1001[3,10,11] /home/app'], ['root', '0:0[10] /root'], ['nohome', '7:8[] /'], ['__proto__', '40:41[] /p'], ['constructor', '42:43[44] /c'],
]));

test('A6.86 USER name:group has that group and no others', () => check(user, [
  ['app:wheel', '1000:10[] /home/app'], ['app:77', '1000:77[] /home/app'], ['app:', '1000:1001[3,10,11] /home/app'], ['1000:app', '1000:1001[] /home/app'], [':wheel', '0:10[] /root'], ['app:nope', 'USER_UNKNOWN'], ['app:toString', 'USER_UNKNOWN'],
]));

test('A6.86 USER number takes groups and home from its entry, and group 0 where it has none', () => check(user, [
  ['1000', '1000:1001[3,10,11] /home/app'], ['1234', '1234:0[] /'], ['1000', '1000:0[] /', none], ['1:2', '1:2[] /', none], ['4294967294', '4294967294:0[] /', none], ['4294967295', 'USER_UNKNOWN'], ['-1', 'USER_UNKNOWN'], ['0x1', 'USER_UNKNOWN'],
]));

test('A6.86 no USER is root, also where there are no accounts', () => check(user, [['', '0:0[10] /root'], ['', '0:0[] /', none], ['0', '0:0[10] /root'], ['root', 'USER_UNKNOWN', none]]));

test('A6.86 root beside a colon is 0 where the other side is a number or root, whatever the accounts say', () => check(user, [
  ['root:root', '0:0[] /', none], ['root:0', '0:0[] /', none], ['0:root', '0:0[] /', none], ['root:5', '0:5[] /', none], ['7:root', '7:0[] /', none], ['root:root', '0:0[] /root'],
  ['root:root', '0:0[] /r', { passwd: 'root:x:9:9::/:\nreal:x:0:4::/r:', group: 'root:x:8:' }], ['root', '9:9[] /', { passwd: 'root:x:9:9::/:', group: '' }],
  ['root:wheel', 'USER_UNKNOWN', none], ['root:', 'USER_UNKNOWN', none], ['app:root', '1000:0[] /home/app'],
]));

test('A6.86 a number is never looked up as a name', () => check(user, [['2000', '2000:0[] /'], ['app:99', '1000:99[] /home/app'], ['3000', '3000:3001[] /number']]));

test('A6.86 the first of two entries counts, and broken entries are none', () => check(user, [['9', '9:9[3,10,11] /second'], ['bad', 'USER_UNKNOWN'], ['short', 'USER_UNKNOWN'], ['app:bad', 'USER_UNKNOWN'], ['# comment', 'USER_UNKNOWN']]));

test('Ours.3 an unknown user is refused with its name, the stage and the file', () => {
  assert.throws(() => resolveUser('nobody', files, 'build'), { message: 'unable to find user nobody in stage build: no matching entries in /etc/passwd' });
  assert.throws(() => resolveOwner('app:nobody', files, '0'), { message: 'unable to find group nobody in stage 0: no matching entries in /etc/group' });
});

test('A6.61 --chown name has its primary group, a number alone is both', () => check(owner, [
  ['app', '1000:1001'], ['123', '123:123'], ['1000', '1000:1000'], ['0', '0:0'], ['app:wheel', '1000:10'], ['app:5', '1000:5'], ['5:wheel', '5:10'], ['5:6', '5:6', none], [':wheel', '0:10'], [':7', '0:7'], ['app:99', '1000:99'], ['2000', '2000:2000'],
]));

test('A6.63a --chown with nothing behind the colon is the primary group of a name, and 0 of a number', () => check(owner, [['app:', '1000:1001'], ['5:', '5:0'], [':', '0:0']]));

test('Ours.3 --chown with a name that the image does not know is an error', () => check(owner, [['nobody', 'USER_UNKNOWN'], ['app', 'USER_UNKNOWN', none], ['5:nobody', 'USER_UNKNOWN'], ['toString', 'USER_UNKNOWN']]));

test('isNumericUser tells whether the image need not be read', () => {
  for (const text of ['', '0', '1:2', ':', '1:', ':2']) assert.ok(isNumericUser(text), text);
  for (const text of ['app', '1:app', 'app:1', '99999999999', '-1']) assert.ok(!isNumericUser(text), text);
});

test('A6.86 an unknown name is answered with the nearest one of the file', () => {
  assert.throws(() => resolveUser('ap', files, '0'), { hint: /^Did you mean app\? Add the user / });
  assert.throws(() => resolveUser('app:weel', files, '0'), { hint: /^Did you mean wheel\? Add the group / });
  assert.throws(() => resolveOwner('appp', files, '0'), { hint: /^Did you mean app\? Add the user / });
  assert.throws(() => resolveUser('postgres', files, '0'), { hint: /^Add the user / });
  assert.throws(() => resolveUser('root', none, '0'), { message: 'unable to find user root in stage 0: there are no users in /etc/passwd' });
});
