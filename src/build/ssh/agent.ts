/**
 * What answers a step's ssh client: keys of files, or the user's own agent behind a filter (draft-ietf-sshm-ssh-agent).
 * A step may list keys and have data signed, and nothing else: it neither adds, removes nor locks keys, and uses no
 * extensions, as with BuildKit. Start at `openAgent`.
 */
import { connect, type Socket } from 'node:net';
import { open, stat } from 'node:fs/promises';
import { errnoCode, messageOf, TsbuildError } from '../../base/errors.ts';
import { releasing } from '../../base/releasing.ts';
import { agentKeyOf, type AgentKey } from './agent-key.ts';
import { keyFileSizeMax, parseKeyFile } from './key-file.ts';
import { readMessages, writeMessage } from './messages.ts';
import { u32, WireReader, wireString } from './wire.ts';

/** Numbers of messages (draft-ietf-sshm-ssh-agent, section 6.1). */
const message = { failure: 5, requestIdentities: 11, identitiesAnswer: 12, signRequest: 13, signResponse: 14 } as const;
const failure = Buffer.from([message.failure]);

/** One client's talk with an agent. */
export interface AgentSession {
  /** The answer to one message; both without their length. */
  answer(request: Buffer): Promise<Buffer>;
  close(): void;
}

export interface Agent {
  /** Begins a talk; it connects to the user's agent only when it is asked something. */
  openSession(): AgentSession;
}

/**
 * The agent that `--ssh ID=PATH,…` means: one socket, or keys.
 * @throws TsbuildError `SSH_INVALID`, `SSH_KEY_PROTECTED`
 */
export async function openAgent(id: string, paths: readonly string[]): Promise<Agent> {
  const areSockets = await Promise.all(paths.map((path) => isSocket(id, path)));
  const [first = ''] = paths;
  if (areSockets.includes(true)) {
    if (paths.length === 1) return { openSession: () => filtered(socketSession(first)) };
    throw new TsbuildError('usage', 'SSH_INVALID', `--ssh ${id}=${paths.join(',')}: a socket stands alone`, {
      hint: 'Give each agent and each set of keys its own id.',
    });
  }
  const keys = await Promise.all(paths.map(async (path) => agentKeyOf(parseKeyFile(await readKey(id, path), path), path)));
  return { openSession: () => filtered(keySession(keys)) };
}

async function isSocket(id: string, path: string): Promise<boolean> {
  try {
    return (await stat(path)).isSocket();
  } catch (cause) {
    throw unreadable(id, path, cause);
  }
}

async function readKey(id: string, path: string): Promise<Buffer> {
  const file = await open(path).catch((cause: unknown) => {
    throw unreadable(id, path, cause);
  });
  return releasing(async () => {
    const bytes = Buffer.alloc(keyFileSizeMax);
    const { bytesRead } = await file.read(bytes, 0, bytes.length, 0);
    return bytes.subarray(0, bytesRead);
  }, () => file.close());
}

function unreadable(id: string, path: string, cause: unknown): TsbuildError {
  const reason = errnoCode(cause) === 'ENOENT' ? 'no such file or directory' : messageOf(cause);
  return new TsbuildError('usage', 'SSH_INVALID', `--ssh ${id}=${path}: ${reason}`, { hint: 'Give the socket of a running agent, or a private key.', cause });
}

function filtered(session: AgentSession): AgentSession {
  const isAllowed = (request: Buffer): boolean => request[0] === message.signRequest || (request[0] === message.requestIdentities && request.length === 1);
  return { answer: async (request) => (isAllowed(request) ? session.answer(request) : failure), close: () => session.close() };
}

function keySession(keys: readonly AgentKey[]): AgentSession {
  const identities = Buffer.concat([
    Buffer.from([message.identitiesAnswer]), u32(keys.length), ...keys.flatMap(({ blob }) => [wireString(blob), wireString('')]),
  ]);
  return {
    answer: (request) => Promise.resolve(request[0] === message.requestIdentities ? identities : signed(keys, request.subarray(1))),
    close: () => undefined,
  };
}

function signed(keys: readonly AgentKey[], body: Buffer): Buffer {
  const reader = new WireReader(body);
  const [blob, data, flags] = [reader.string(), reader.string(), reader.u32()];
  const key = keys.find((candidate) => candidate.blob.equals(blob));
  if (key === undefined) return failure;
  return Buffer.concat([Buffer.from([message.signResponse]), wireString(key.sign(data, flags))]);
}

/** The user's agent, over a connection of this session's own. */
function socketSession(path: string): AgentSession {
  let upstream: { readonly socket: Socket; readonly answers: AsyncIterator<Buffer> } | null = null;
  const open = (): NonNullable<typeof upstream> => {
    const socket = connect(path);
    socket.on('error', () => undefined); // told by whoever writes to it or reads from it
    return { socket, answers: readMessages(socket)[Symbol.asyncIterator]() };
  };
  return {
    answer: async (request) => {
      upstream ??= open();
      await writeMessage(upstream.socket, request);
      const answer = await upstream.answers.next();
      if (answer.done === true) throw new TsbuildError('machine', 'SSH_AGENT_GONE', `ssh agent ${path}: it closed the connection`);
      return answer.value;
    },
    close: () => upstream?.socket.destroy(),
  };
}
