/** The executor's `Operations` for real: keys from `keys.ts`, work from the `perform-*.ts` files. */
import { blobOfDiffID } from '../base/digest.ts';
import { withPosition } from '../base/errors.ts';
import { machineError } from '../store/disk-error.ts';
import type { Vertex } from '../graph/vertex.ts';
import type { BuildEnvironment } from './environment.ts';
import type { Operations } from './executor.ts';
import { copyKey, runKey, workdirKey } from './keys.ts';
import { performCopy, performWorkdir } from './perform-copy.ts';
import { performRun } from './perform-run.ts';

export function createOperations(environment: BuildEnvironment): Operations {
  return {
    baseLayers(vertex, inputs) {
      const { operation } = vertex;
      switch (operation.kind) {
        case 'image':
          return operation.diffIDs;
        case 'scratch':
        case 'context':
        case 'git':
          return [];
        case 'run':
        case 'copy':
        case 'workdir':
        case 'config':
          return inputs.get(operation.root)?.layers ?? [];
      }
    },
    keyOf: (vertex, inputs, signal) =>
      positionedAt(vertex, async () => {
        const { operation } = vertex;
        switch (operation.kind) {
          case 'run':
            return runKey(environment, operation, inputs, signal);
          case 'copy':
            return copyKey(environment, operation, inputs, signal);
          case 'workdir':
            return workdirKey(environment, operation, inputs);
          default:
            return null;
        }
      }),
    perform: (vertex, inputs, signal) =>
      positionedAt(vertex, async () => {
        const { operation } = vertex;
        switch (operation.kind) {
          case 'run':
            return performRun(environment, vertex, operation, inputs, signal);
          case 'copy':
            return performCopy(environment, vertex, operation, inputs, signal);
          case 'workdir':
            return performWorkdir(environment, vertex, operation, inputs, signal);
          default:
            return { added: [] };
        }
      }),
    hasLayer: (layer) => environment.store.blobs.stat(blobOfDiffID(layer)) !== null,
  };
}

/** Errors below an instruction are told with its lines. */
async function positionedAt<T>(vertex: Vertex, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    const told = machineError(error);
    throw vertex.position === null ? told : withPosition(told, vertex.position);
  }
}
