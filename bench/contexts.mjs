// The build contexts of the benchmarks, written once a run.
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** How many small files, of how many bytes. */
export const smallFiles = { count: 30_000, sizeBytes: 2048 };

/** Writes all contexts below `folder` and returns their paths by name. */
export function writeContexts(folder) {
  const steps = (count) => Array.from({ length: count }, (_, index) => `RUN true ${index}\n`).join('');
  return {
    noSteps: writeDockerfile(folder, 'no-steps', 'FROM busybox\n'),
    thirtySteps: writeDockerfile(folder, 'thirty-steps', `FROM busybox\n${steps(30)}`),
    tenSteps: writeTenSteps(folder),
    commit: writeDockerfile(folder, 'commit', `FROM busybox\n${manyFilesRun()}`),
    copy: writeManyFiles(writeDockerfile(folder, 'copy', 'FROM busybox\nCOPY files /files\n')),
  };
}

function writeDockerfile(folder, name, text) {
  const context = join(folder, name);
  mkdirSync(context, { recursive: true });
  writeFileSync(join(context, 'Dockerfile'), text);
  return context;
}

function writeTenSteps(folder) {
  const runs = Array.from({ length: 5 }, (_, index) => `RUN echo ${index} > /run-${index}\nCOPY file-${index} /copied-${index}\n`);
  const context = writeDockerfile(folder, 'ten-steps', `FROM busybox\n${runs.join('')}`);
  for (let index = 0; index < 5; index += 1) writeFileSync(join(context, `file-${index}`), `file ${index}\n`);
  return context;
}

// A hundred folders; every file has content of its own. They are counted, and the last output marks the end of the
// step's own work.
function manyFilesRun() {
  const { count, sizeBytes } = smallFiles;
  return `RUN <<'EOF'
set -e
mkdir /many && cd /many
seq 0 99 | while read folder; do mkdir $folder; done
awk 'BEGIN {
  for (i = 0; i < ${count}; i++) {
    file = i % 100 "/" i; line = sprintf("%031d\\n", i); text = ""
    for (j = 0; j < ${sizeBytes / 32}; j++) text = text line
    printf "%s", text > file; close(file)
  }
}'
test "$(find . -type f -size ${sizeBytes}c | wc -l)" = ${count}
echo written
EOF
`;
}

function writeManyFiles(context) {
  for (let index = 0; index < smallFiles.count; index += 1) {
    const folder = join(context, 'files', String(index % 100));
    if (index < 100) mkdirSync(folder, { recursive: true });
    const digest = createHash('sha512').update(String(index)).digest();
    writeFileSync(join(folder, String(index)), Buffer.alloc(smallFiles.sizeBytes, digest));
  }
  return context;
}
