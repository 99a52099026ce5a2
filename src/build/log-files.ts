/**
 * Full logs of steps, one file each, in a folder for each build. What a step prints goes to its file byte by byte, and
 * decoded to the event stream; nothing is clipped, and the step waits when the disk is slow.
 */
import { closeSync, openSync, write, writeFileSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { StringDecoder } from 'node:string_decoder';
import { promisify } from 'node:util';
import type { StepEnd } from '../base/events.ts';
import { releaseAll } from '../base/releasing.ts';
import { diskError } from '../store/disk-error.ts';
import type { MakeRedactor } from './redact.ts';
import { makeFolder } from '../store/durable.ts';

/** Builds whose logs are kept. */
export const keptBuildsMax = 50;

/** What is known of a step's end stands beside its log. */
export function endFileName(step: string): string {
  return `${step}.end.json`;
}

type StreamName = 'stdout' | 'stderr';
const streams: readonly StreamName[] = ['stdout', 'stderr'];

/** Where a log goes besides its file, and what does not go there. */
export interface LogOptions {
  readonly onText: (stream: StreamName, text: string) => void;
  /** Takes out what nobody may read, from file and text. */
  readonly redactor: MakeRedactor;
}

/** The log of one step while it runs. */
export class StepLog {
  readonly path: string;
  readonly #fd: number;
  readonly #onText: LogOptions['onText'];
  readonly #decoders = { stdout: new StringDecoder('utf8'), stderr: new StringDecoder('utf8') };
  readonly #redactors;

  constructor(path: string, fd: number, { onText, redactor }: LogOptions) {
    this.path = path;
    this.#fd = fd;
    this.#onText = onText;
    this.#redactors = { stdout: redactor(), stderr: redactor() };
  }

  write(stream: StreamName, chunk: Buffer): Promise<void> {
    return this.#put(stream, this.#redactors[stream].push(chunk));
  }

  async close(): Promise<void> {
    const flush = async (stream: StreamName): Promise<void> => {
      await this.#put(stream, this.#redactors[stream].finish());
      const text = this.#decoders[stream].end();
      if (text !== '') this.#onText(stream, text);
    };
    await releaseAll([...streams.map((stream) => () => flush(stream)), () => writing(this.path, () => closeSync(this.#fd))]);
  }

  async #put(stream: StreamName, bytes: Buffer): Promise<void> {
    if (bytes.length === 0) return;
    const text = this.#decoders[stream].write(bytes);
    if (text !== '') this.#onText(stream, text);
    await writing(this.path, () => writeAll(this.#fd, bytes));
  }
}

/** The folder of one build's logs; it is made when the first step prints. */
export class LogFolder {
  readonly #logs: string;
  readonly #name: string;
  readonly #opened = new Set<number>();
  #made: Promise<string> | null = null;

  /** @param name unique among the builds of this store, and later builds sort behind earlier ones */
  constructor(logs: string, name: string) {
    this.#logs = logs;
    this.#name = name;
  }

  pathOf(stepID: number): string {
    return join(this.#logs, this.#name, `${stepID}.log`);
  }

  /** The same, if the step came so far that it has a log. */
  openedPathOf(stepID: number): string | undefined {
    return this.#opened.has(stepID) ? this.pathOf(stepID) : undefined;
  }

  async open(stepID: number, options: LogOptions): Promise<StepLog> {
    const path = this.pathOf(stepID);
    this.#made ??= this.#make();
    const made = this.#made;
    await writing(path, () => made);
    const fd = await writing(path, () => openSync(path, 'w', 0o600));
    this.#opened.add(stepID);
    return new StepLog(path, fd, options);
  }

  /** How the step ended, for who reads its log later. */
  async recordEnd(stepID: number, end: StepEnd): Promise<void> {
    const path = join(this.#logs, this.#name, endFileName(String(stepID)));
    await writing(path, () => writeFileSync(path, `${JSON.stringify(end)}\n`, { mode: 0o600 }));
  }

  async #make(): Promise<string> {
    const folder = join(this.#logs, this.#name);
    makeFolder(folder);
    const builds = (await readdir(this.#logs)).sort();
    for (const old of builds.slice(0, Math.max(0, builds.length - keptBuildsMax))) {
      await rm(join(this.#logs, old), { recursive: true, force: true });
    }
    return folder;
  }
}

const writeSome = promisify(write);

/** The step waits while the disk is slow; the build does not. */
async function writeAll(fd: number, bytes: Buffer): Promise<void> {
  for (let rest = bytes; rest.length > 0;) rest = rest.subarray((await writeSome(fd, rest)).bytesWritten);
}

/** A full disk is told as one. */
async function writing<T>(path: string, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw diskError(error, { operation: 'write log', path, owner: 'store' });
  }
}
