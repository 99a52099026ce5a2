/**
 * gzip whose bytes depend on the input and the level alone: fixed blocks of 1 MiB, each a gzip member of its own, made by
 * libdeflate in WebAssembly (Node's zlib chooses its code by CPU). Members may follow each other: RFC 1952, section 2.2.
 * Any number of threads gives the same bytes. Start at `openGzipPool`.
 */
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { invariant, messageOf, TsbuildError } from '../base/errors.ts';

/** Version of the form: block size, compressor and its version. Part of the name under which compressed layers are kept. */
export const gzipFormat = 1;
export const gzipBlockBytes = 1024 ** 2;
/** libdeflate's levels; 6 is what `docker push` users expect. */
export const gzipLevelDefault = 6;
const threadCountMax = 4;

export interface GzipOptions {
  /** 1 to 12. */
  readonly level: number;
  readonly signal?: AbortSignal;
}

/** Worker threads that compress. Memory is bounded: two blocks in flight for each thread. */
export interface GzipPool {
  /** Compresses a stream; for `pipeline(source, (bytes) => pool.compress(bytes, options), target)`. */
  compress(source: AsyncIterable<Uint8Array>, options: GzipOptions): AsyncGenerator<Uint8Array, void, undefined>;
  /** Ends the threads; streams in progress fail. */
  close(): Promise<void>;
}

/** Starts no thread before the first block arrives. Threads do not keep Node alive while they have nothing to do. */
export function openGzipPool(threads = Math.min(availableParallelism(), threadCountMax)): GzipPool {
  invariant(threads >= 1, 'a gzip pool needs a thread');
  return new Pool(threads);
}

interface Task {
  readonly block: Uint8Array;
  readonly level: number;
  readonly resolve: (member: Uint8Array) => void;
  readonly reject: (error: unknown) => void;
}

class Pool implements GzipPool {
  readonly #threads: number;
  readonly #idle: Worker[] = [];
  readonly #workers = new Set<Worker>();
  readonly #waiting: Task[] = [];
  readonly #running = new Map<Worker, Task>();
  #isClosed = false;

  constructor(threads: number) {
    this.#threads = threads;
  }

  async *compress(source: AsyncIterable<Uint8Array>, { level, signal }: GzipOptions): AsyncGenerator<Uint8Array, void, undefined> {
    const window: Promise<Uint8Array>[] = [];
    try {
      for await (const block of cutBlocks(source)) {
        signal?.throwIfAborted();
        window.push(this.#submit(block, level));
        if (window.length >= this.#threads * 2) yield await takeFirst(window);
      }
      while (window.length > 0) yield await takeFirst(window);
    } finally {
      // Blocks that nobody waits for any more must not become unhandled rejections.
      await Promise.allSettled(window);
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#fail(new TsbuildError('machine', 'GZIP_CLOSED', 'compress: the compressor has been closed'));
    await Promise.all([...this.#workers].map((worker) => worker.terminate()));
  }

  #submit(block: Uint8Array, level: number): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      invariant(!this.#isClosed, 'a closed gzip pool was used');
      this.#waiting.push({ block, level, resolve, reject });
      if (this.#idle.length === 0 && this.#workers.size < this.#threads) this.#start();
      this.#dispatch();
    });
  }

  #start(): void {
    const worker = startWorker();
    this.#workers.add(worker);
    this.#idle.push(worker);
    worker.on('message', ({ member }: { member: Uint8Array }) => this.#finish(worker, member));
    worker.on('error', (error) => {
      this.#workers.delete(worker);
      this.#fail(new TsbuildError('machine', 'GZIP_FAILED', `compress: ${messageOf(error)}`, { cause: error }));
    });
    worker.unref();
  }

  #dispatch(): void {
    while (this.#idle.length > 0 && this.#waiting.length > 0) {
      const worker = this.#idle.pop();
      const task = this.#waiting.shift();
      if (worker === undefined || task === undefined) return;
      this.#running.set(worker, task);
      worker.ref();
      worker.postMessage({ block: task.block, level: task.level });
    }
  }

  #finish(worker: Worker, member: Uint8Array): void {
    const task = this.#running.get(worker);
    this.#running.delete(worker);
    worker.unref();
    this.#idle.push(worker);
    checkMember(member);
    task?.resolve(member);
    this.#dispatch();
  }

  #fail(error: unknown): void {
    for (const task of [...this.#running.values(), ...this.#waiting.splice(0)]) task.reject(error);
    this.#running.clear();
  }
}

async function takeFirst(window: Promise<Uint8Array>[]): Promise<Uint8Array> {
  const member = await window[0];
  invariant(member !== undefined, 'the window is empty');
  await window.shift();
  return member;
}

/** Blocks of exactly the fixed size but the last, whatever the chunks; one empty block for an empty stream. */
async function* cutBlocks(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  let block = new Uint8Array(gzipBlockBytes);
  let used = 0;
  let count = 0;
  for await (const chunk of source) {
    for (let at = 0; at < chunk.length; ) {
      const part = Math.min(chunk.length - at, gzipBlockBytes - used);
      block.set(chunk.subarray(at, at + part), used);
      used += part;
      at += part;
      if (used < gzipBlockBytes) continue;
      yield block;
      count += 1;
      block = new Uint8Array(gzipBlockBytes);
      used = 0;
    }
  }
  if (used > 0 || count === 0) yield block.slice(0, used);
}

/** RFC 1952, section 2.3: deflate, no flags, no time, unknown system. Anything else would make digests differ one day. */
function checkMember(member: Uint8Array): void {
  const expected = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0];
  invariant(expected.every((byte, index) => member[index] === byte) && member[9] === 255, 'libdeflate wrote another gzip header than it used to');
}

/**
 * In the bundle the worker's code stands beside ours, compiled. From the sources it is TypeScript, which a worker thread
 * can load only after tsx was registered in it (Node does not pass loader hooks on).
 */
function startWorker(): Worker {
  if (!import.meta.url.endsWith('.ts')) return new Worker(new URL('./gzip-worker.cjs', import.meta.url));
  const loader = new URL('dist/esm/api/index.mjs', pathToFileURL(createRequire(import.meta.url).resolve('tsx/package.json'))).href;
  const entry = new URL('./gzip-worker.ts', import.meta.url).href;
  const code = `import(${JSON.stringify(loader)}).then((tsx) => { tsx.register(); return import(${JSON.stringify(entry)}); });`;
  return new Worker(code, { eval: true, execArgv: [] });
}
