import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';

test('a client that is asked nothing loads no HTTP library', () => {
  const program = `
    import { createRequire } from 'node:module';
    const { createRegistry, clientDefaults } = await import('./src/registry/registry.ts');
    await createRegistry({ ...clientDefaults, credentials: () => null, tls: { hosts: new Map() }, mirrors: new Map(), insecure: [], proxies: {} }).close();
    const { cache } = createRequire(import.meta.url);
    const loaded = () => Object.keys(cache).some((path) => path.includes('node_modules/undici/'));
    const before = loaded();
    await import('undici');
    console.log(before, loaded());
  `;
  const output = execFileSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', program], { encoding: 'utf8', cwd: new URL('../..', import.meta.url) });
  assert.equal(output, 'false true\n');
});
