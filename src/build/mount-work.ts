/** What the preparation of a step's mounts works with, and what each mount comes to. Data and a list of releases. */
import type { RunMount, Vertex } from '../graph/vertex.ts';
import type { DiffID } from '../base/digest.ts';
import type { Bytes } from '../native/encoding.ts';
import type { StepMount } from '../sandbox/step.ts';
import { contextLayer } from './context-layer.ts';
import type { BuildEnvironment } from './environment.ts';
import type { Inputs } from './executor.ts';

export interface MountWork {
  readonly environment: BuildEnvironment;
  readonly vertex: Vertex;
  readonly inputs: Inputs;
  readonly signal: AbortSignal;
  /** What is to be given back when the step is over: each mount adds what it took at the moment it has it. */
  readonly releases: (() => Promise<unknown>)[];
  /** Tells people one line about the step. */
  readonly note: (text: string) => void;
}

/** What one mount brings into the step. */
export interface PreparedMount {
  readonly mounts: readonly StepMount[];
  readonly env: readonly (readonly [string, Bytes])[];
  /** Values that nobody may read in a log. */
  readonly secrets: readonly Uint8Array[];
}

export type MountOf<Kind extends RunMount['kind']> = Extract<RunMount, { readonly kind: Kind }>;

export const noMount: PreparedMount = { mounts: [], env: [], secrets: [] };

/** The layers that `from` of a mount stands for; of a context only the part at `source`. */
export async function layersOfSource({ environment, inputs, signal }: MountWork, from: number, source: string): Promise<readonly DiffID[]> {
  const operation = environment.graph.vertices[from]?.operation;
  if (operation?.kind === 'context') return [await contextLayer(environment, operation.name, source, signal)];
  return inputs.get(from)?.layers ?? [];
}
