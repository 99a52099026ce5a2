/** What options and named contexts become in the plan, through the command line. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { writeContext } from '../support/context.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { runTsbuild } from '../support/tsbuild.ts';

interface PlannedVertex {
  readonly operation: { readonly kind: string; readonly hostname?: string };
}

test('A6.47 and A4.4: docker-image://scratch is nothing at all, and an empty host name as good as none', async (t) => {
  const folder = temporaryFolder(t);
  const context = await writeContext(folder, { Dockerfile: 'FROM busybox\nRUN ["x"]\n' });
  const hostnameOf = async (value: string): Promise<string | undefined> => {
    const options = ['--build-context', 'busybox=docker-image://scratch', '--build-arg', `BUILDKIT_SANDBOX_HOSTNAME=${value}`];
    const { exitCode, stdout, stderr } = await runTsbuild(['graph', '--format', 'json', ...options, context], { store: `${folder}/store` });
    assert.equal(exitCode, 0, stderr);
    const { vertices } = JSON.parse(stdout) as { readonly vertices: readonly PlannedVertex[] }; // our own format
    assert.deepEqual(vertices.map(({ operation }) => operation.kind), ['scratch', 'run', 'config']);
    return vertices[1]?.operation.hostname;
  };
  assert.equal(await hostnameOf(''), 'buildkitsandbox');
  assert.equal(await hostnameOf('mine'), 'mine');
});
