/** Maps and lists in versions: against a Map and an array that are copied each time. */
import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import fc from 'fast-check';
import { VersionedList, VersionedMap } from '../../src/graph/versioned-map.ts';
import { assertProperty } from '../support/property.ts';

/** A step adds to one of the versions so far. */
const steps = fc.array(fc.tuple(fc.nat(200), fc.constantFrom('a', 'b', 'c', '__proto__', 'constructor'), fc.nat(9)), { maxLength: 200 });

for (const order of ['first', 'last'] as const) {
  test(`every version of a map whose names stand where they were set ${order} stays what it was`, () => {
    assertProperty(fc.property(steps, (list) => {
      const versions = [{ map: VersionedMap.of<number>(order), model: new Map<string, number>() }];
      for (const [from, name, value] of list) {
        const version = versions[from % versions.length] ?? versions[0];
        if (version === undefined) return;
        const model = new Map(version.model);
        if (order === 'last') model.delete(name);
        versions.push({ map: version.map.with(name, value), model: model.set(name, value) });
      }
      for (const { map, model } of versions) {
        assert.deepEqual(map.pairs(), [...model]);
        assert.equal(map.size, model.size);
        for (const name of ['a', '__proto__', 'toString']) assert.deepEqual([map.get(name), map.has(name)], [model.get(name), model.has(name)]);
      }
    }));
  });
}

test('every version of a list stays what it was', () => {
  assertProperty(fc.property(fc.array(fc.tuple(fc.nat(200), fc.nat(9)), { maxLength: 100 }), (list) => {
    const versions = [{ list: VersionedList.of<number>(), model: [] as readonly number[] }];
    for (const [from, item] of list) {
      const version = versions[from % versions.length] ?? versions[0];
      if (version !== undefined) versions.push({ list: version.list.with(item), model: [...version.model, item] });
    }
    for (const version of versions) assert.deepEqual([version.list.items(), version.list.length], [version.model, version.model.length]);
  }));
});
