/** What the planning of one stage works with: the input, the stages around it and the vertices made so far. */
import type { SourceRange } from '../base/errors.ts';
import { hideCredentials, type GitUrl } from '../dockerfile/git-url.ts';
import type { EnvList } from './env-list.ts';
import type { PlanInput } from './plan-input.ts';
import { resolveFrom, type Base, type ResolvedStage } from './stages.ts';
import type { StageState } from './stage-state.ts';
import type { Operation, Vertex, VertexID } from './vertex.ts';

/** How a vertex is shown and found again; everything but what it does. */
export interface VertexLabel {
  readonly name: string;
  readonly position: SourceRange | null;
  readonly stage: string;
  readonly step: number;
  readonly ignoreCache: boolean;
}

/** Collects vertices in the order of their numbers; sources are made once. */
export class VertexList {
  readonly #vertices: Vertex[] = [];
  readonly #sources = new Map<string, VertexID>();

  add(operation: Operation, label: VertexLabel): VertexID {
    const id = this.#vertices.length;
    this.#vertices.push({ id, operation, ...label });
    return id;
  }

  /** The source with this key, made by `make` the first time. */
  source(key: string, make: () => { readonly operation: Operation; readonly name: string; readonly position: SourceRange | null }): VertexID {
    const known = this.#sources.get(key);
    if (known !== undefined) return known;
    const { operation, name, position } = make();
    const id = this.add(operation, { name, position, stage: '', step: 0, ignoreCache: false });
    this.#sources.set(key, id);
    return id;
  }

  finish(): readonly Vertex[] {
    return this.#vertices;
  }
}

export interface PlanContext {
  readonly input: PlanInput;
  readonly globals: EnvList;
  readonly stages: readonly ResolvedStage[];
  readonly states: Map<number, StageState>;
  readonly vertices: VertexList;
}

/** The vertex that a `--from` stands for: a finished stage's file system, an image, a context, or nothing at all. */
export function vertexOfFrom(context: PlanContext, current: ResolvedStage, name: string, position: SourceRange): VertexID {
  return vertexOfBase(context, resolveFrom(context.input, context.stages, current, name, { kind: 'copy', position }), position, '');
}

/** The vertex of a base; `progressPrefix` is put before the name of an image vertex that is made now. */
export function vertexOfBase(context: PlanContext, base: Base, position: SourceRange, progressPrefix: string): VertexID {
  const { vertices, input } = context;
  switch (base.kind) {
    case 'scratch':
      return vertices.source('scratch', () => ({ operation: { kind: 'scratch' }, name: 'FROM scratch', position: null }));
    case 'context':
      return contextVertex(context, base.name);
    case 'stage':
      return requireState(context, base.index).root;
    case 'image': {
      const image = input.images.get(base.key);
      if (image === undefined) throw new Error(`image ${base.key} was not resolved before planning`);
      return vertices.source(`image ${base.key}`, () => ({
        operation: { kind: 'image', reference: base.reference, manifest: image.manifest, diffIDs: image.diffIDs, platform: base.platform },
        name: `${progressPrefix}FROM ${base.reference}@${image.manifest}`,
        position,
      }));
    }
  }
}

/** The vertex of a build context; the empty name is the main one. */
export function contextVertex({ vertices }: PlanContext, name: string): VertexID {
  return vertices.source(`context ${name}`, () => ({
    operation: { kind: 'context', name },
    name: name === '' ? '[internal] load build context' : `[context ${name}] load from client`,
    position: null,
  }));
}

/** The vertex of a repository that ADD names. */
export function gitVertex({ vertices }: PlanContext, url: GitUrl, keepsGit: boolean): VertexID {
  const { remote, ref, subdirectory } = url;
  const fragment = `${ref ?? ''}${subdirectory === '' ? '' : `:${subdirectory}`}`;
  return vertices.source(`git ${JSON.stringify([url, keepsGit])}`, () => ({
    operation: { kind: 'git', url, keepsGit },
    name: `[git] ${hideCredentials(remote)}${fragment === '' ? '' : `#${fragment}`}`,
    position: null,
  }));
}

/** The state of a stage that was planned before. */
export function requireState({ states }: PlanContext, index: number): StageState {
  const state = states.get(index);
  if (state === undefined) throw new Error(`stage ${index} was not planned yet`);
  return state;
}
