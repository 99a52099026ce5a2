/** Which ids a build without root has, by what is known of the caller. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { hasId, planUserNamespace, userNamespaceArguments, type Caller, type UserNamespace } from '../../src/native/user-namespace.ts';

const initial = '         0          0 4294967295\n';
const programs = { uid: '/usr/bin/newuidmap', gid: '/usr/bin/newgidmap' };
const user: Caller = {
  uid: 1000, gid: 1001, name: 'me', uidMap: initial, gidMap: initial, setgroups: 'allow\n', isAdministrator: false,
  subuid: 'me:100000:65536\n', subgid: 'me:200000:65536\n', programs,
};
const single: UserNamespace = { kind: 'single', uids: [{ inside: 0, outside: 1000, count: 1 }], gids: [{ inside: 0, outside: 1001, count: 1 }], setsGroups: false };

function ranges(uids: readonly (readonly [number, number, number])[], gids: readonly (readonly [number, number, number])[] = [[1, 200_000, 65_536]]): UserNamespace {
  const all = (own: number, more: typeof uids) => [[0, own, 1] as const, ...more].map(([inside, outside, count]) => ({ inside, outside, count }));
  return { kind: 'range', uids: all(1000, uids), gids: all(1001, gids), setsGroups: true, programs };
}

function check(what: string, caller: Partial<Caller>, expected: UserNamespace | null): void {
  test(what, () => { assert.deepEqual(planUserNamespace({ ...user, ...caller }), expected); });
}

describe('root', () => {
  const root = { uid: 0, gid: 0, name: 'root', isAdministrator: true };
  check('of the machine needs none', root, null);
  check('of a container that shares the user namespace needs none', { ...root, subuid: '', subgid: '', programs: null }, null);
  check('of a user namespace keeps its ids', { ...root, uidMap: '0 100000 65536\n', gidMap: '0 200000 1000\n 2000 300000 1\n' }, {
    kind: 'inherited',
    uids: [{ inside: 0, outside: 100_000, count: 65_536 }],
    gids: [{ inside: 0, outside: 200_000, count: 1000 }, { inside: 2000, outside: 300_000, count: 1 }],
    setsGroups: true,
  });
  check('of a namespace of one id cannot set groups', { ...root, uidMap: '0 1000 1\n', gidMap: '0 1000 1\n', setgroups: 'deny\n' }, {
    kind: 'inherited', uids: [{ inside: 0, outside: 1000, count: 1 }], gids: [{ inside: 0, outside: 1000, count: 1 }], setsGroups: false,
  });
  check('whose map shifts all ids is not the root of the machine', { ...root, uidMap: '0 1 4294967294\n' }, {
    kind: 'inherited', uids: [{ inside: 0, outside: 1, count: 4_294_967_294 }], gids: [{ inside: 0, outside: 0, count: 4_294_967_295 }], setsGroups: true,
  });
  check('without CAP_SYS_ADMIN, as in a container, uses what it has in /etc/subuid', { uid: 0, gid: 0, name: 'root', subuid: 'root:5:10\n', subgid: 'root:7:11\n' }, {
    kind: 'range',
    uids: [{ inside: 0, outside: 0, count: 1 }, { inside: 1, outside: 5, count: 10 }],
    gids: [{ inside: 0, outside: 0, count: 1 }, { inside: 1, outside: 7, count: 11 }],
    setsGroups: true, programs,
  });
});

describe('an ordinary user', () => {
  check('has id 0 as itself and its subordinate ids from 1 on', {}, ranges([[1, 100_000, 65_536]]));
  check('is found by its number too', { subuid: '1000:100000:65536' }, ranges([[1, 100_000, 65_536]]));
  check('has several lines one behind the other, of name and number', { subuid: 'me:100000:10\nother:1:1\n1000:300000:5\n' }, ranges([[1, 100_000, 10], [11, 300_000, 5]]));
  check('without newuidmap has one id', { programs: null }, single);
  check('without subordinate ids has one id', { subuid: 'other:100000:65536\n' }, single);
  check('without subordinate groups has one id', { subgid: '' }, single);
  check('whose name begins like another has not the ids of that one', { subuid: 'me2:100000:65536\nm:1:2\n' }, single);
  for (const [what, line] of [
    ['no number', 'me:x:65536'], ['a sign', 'me:-1:65536'], ['a fourth field', 'me:1:2:3'], ['no ids', 'me:100000:0'],
    ['more ids than there are', 'me:4294967290:65536'], ['more digits than an id has', 'me:100000:99999999999'], ['a comment', '# me:100000:65536'],
  ] as const) check(`a line with ${what} is none`, { subuid: `${line}\n` }, single);
  check('blanks around a line do not count', { subuid: '  me:100000:65536 \n\n' }, ranges([[1, 100_000, 65_536]]));
  check('a line that is wrong does not hide the next', { subuid: 'me:1:0\nme:100000:65536\n' }, ranges([[1, 100_000, 65_536]]));
});

test('the sandbox process gets the programs and both maps, and nothing where it stays where it is', () => {
  assert.deepEqual(userNamespaceArguments(planUserNamespace(user)), [programs.uid, programs.gid, '0,1000,1,1,100000,65536', '0,1001,1,1,200000,65536']);
  assert.deepEqual(userNamespaceArguments(single), ['', '', '0,1000,1', '0,1001,1']);
  assert.deepEqual(userNamespaceArguments({ ...single, kind: 'inherited' }), []);
  assert.deepEqual(userNamespaceArguments(null), []);
});

test('an id is there from the first to the last of a range, and not beside it', () => {
  const { uids } = planUserNamespace(user) ?? single;
  assert.deepEqual([0, 1, 65_536, 65_537].map((id) => hasId(uids, id)), [true, true, true, false]);
  assert.deepEqual([0, 1].map((id) => hasId(single.uids, id)), [true, false]);
});
