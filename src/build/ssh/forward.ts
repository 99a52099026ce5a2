/**
 * An agent's socket for one step: made for it, with the owner and mode that the step asked for, and gone with it. The
 * step never gets the socket of the user's agent itself.
 */
import { constants } from 'node:fs';
import { chmod, chown, mkdtemp, open, rm } from 'node:fs/promises';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { messageOf } from '../../base/errors.ts';
import { releaseAll, undo } from '../../base/releasing.ts';
import type { Agent } from './agent.ts';
import { readMessages, writeMessage } from './messages.ts';

/** Connections of one step at once; more are refused. */
const connectionsMax = 64;

export interface ForwardOptions {
  /** Where the socket's folder is made. */
  readonly folder: string;
  readonly owner: { readonly uid: number; readonly gid: number; readonly mode: number };
  /** Hears why a connection broke, such as an agent that does not answer. */
  readonly onWarning: (line: string) => void;
  /** Gives the socket away, where that is not this process's to do: in a build without root. */
  readonly give?: (path: string, owner: ForwardOptions['owner']) => Promise<void>;
}

export interface ForwardedAgent {
  /** The socket on this machine. */
  readonly path: string;
  close(): Promise<void>;
}

/** Listens until `close`, which ends all connections. */
export async function forwardAgent(agent: Agent, { folder, owner, onWarning, give = giveAsRoot }: ForwardOptions): Promise<ForwardedAgent> {
  const parent = await mkdtemp(join(folder, 'ssh-'));
  const handle = await open(parent, constants.O_RDONLY | constants.O_DIRECTORY);
  const connections = new Map<Socket, Promise<void>>();
  const server = createServer((socket) => {
    connections.set(socket, serve(agent, socket, onWarning).finally(() => connections.delete(socket)));
  });
  server.maxConnections = connectionsMax;
  const stop = async (): Promise<void> => {
    const closed = server.listening ? once(server, 'close') : undefined;
    server.close(); // removes the socket, by the name below
    for (const socket of connections.keys()) socket.destroy();
    await Promise.all(connections.values());
    await closed;
  };
  const close = (): Promise<void> => releaseAll([stop, () => handle.close(), () => rm(parent, { recursive: true })]);
  const path = join(parent, 'agent');
  try {
    server.listen(`/proc/self/fd/${handle.fd}/agent`); // a name of a socket has 107 bytes at most (unix(7)); a store's may be longer
    await once(server, 'listening');
    server.on('error', (error) => onWarning(`ssh agent: ${error.message}`)); // a connection could not be taken
    await give(path, owner);
  } catch (error) {
    throw await undo(error, close);
  }
  return { path, close };
}

async function giveAsRoot(path: string, { uid, gid, mode }: ForwardOptions['owner']): Promise<void> {
  await chown(path, uid, gid);
  await chmod(path, mode);
}

/** Answers one client, message by message, until it leaves. Never rejects: a broken connection is the client's to notice. */
async function serve(agent: Agent, client: Socket, onWarning: (line: string) => void): Promise<void> {
  const session = agent.openSession();
  client.on('error', () => undefined); // told by the reading below
  try {
    for await (const request of readMessages(client)) await writeMessage(client, await session.answer(request));
  } catch (error) {
    if (!client.destroyed) onWarning(`ssh agent: ${messageOf(error)}`);
  } finally {
    session.close();
    client.destroy();
  }
}
