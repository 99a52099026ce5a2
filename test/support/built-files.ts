/** Builds in this process, and what the image then holds: one line an entry, read from a tar of its files. */
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { createHash } from 'node:crypto';
import { extract } from 'tar-stream';
import { build, type BuildEvent, type BuildOptions, type BuildResult } from '../../src/index.ts';

/** A build that has ended well. */
export interface Finished {
  readonly result: BuildResult;
  readonly events: readonly BuildEvent[];
}

export async function finish(options: BuildOptions): Promise<Finished> {
  const running = build(options);
  const events: BuildEvent[] = [];
  for await (const event of running) events.push(event);
  return { result: await running.result, events };
}

/** Names of the Dockerfile's steps that were performed, not taken from the cache. */
export function performedSteps(events: readonly BuildEvent[]): readonly string[] {
  const names = new Map(events.flatMap((event) => (event.type === 'step-started' && event.step.position !== undefined ? [[event.step.id, event.step.instruction ?? '']] : [])));
  return events.flatMap((event) => (event.type === 'step-done' && !event.cached ? (names.get(event.id) ?? []) : []));
}

/** `PATH MODE OWNER [SECONDS] [TEXT or LINK]`, in the tar's order. */
export async function builtFiles(options: BuildOptions, folder: string, show: { readonly time?: boolean } = {}): Promise<readonly string[]> {
  const tar = join(folder, `files-${createHash('sha256').update(JSON.stringify([options.context, options.file, options.timestamps, Math.random()])).digest('hex').slice(0, 12)}.tar`);
  await finish({ ...options, outputs: [`type=tar,dest=${tar}`] });
  const lines: string[] = [];
  for await (const entry of createReadStream(tar).pipe(extract())) {
    const { name, mode = 0, uid = 0, gid = 0, mtime, linkname, type } = entry.header;
    let text = '';
    for await (const chunk of entry as AsyncIterable<Buffer>) text += chunk.toString();
    const time = show.time === true ? ` ${String((mtime?.getTime() ?? 0) / 1000)}` : '';
    const rest = type === 'symlink' ? ` -> ${linkname ?? ''}` : type === 'link' ? ` = ${linkname ?? ''}` : text === '' ? '' : ` ${JSON.stringify(text)}`;
    lines.push(`${name} ${mode.toString(8)} ${uid}:${gid}${time}${rest}`);
  }
  return lines;
}
