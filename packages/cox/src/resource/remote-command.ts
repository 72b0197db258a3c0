// exec and attach over WebSockets (v5.channel.k8s.io): a byte in front of each message says which stream it belongs to. Ends with the
// remote's exit code. The remote terminal follows the size of ours.
import type { Query } from "@coxswain/client";
import { CommandError, ExitError } from "../failure.ts";
import type { Output, Session } from "../session.ts";

const channels = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4, close: 255 } as const;

export interface RemoteOptions {
  readonly path: string;
  readonly query: Query;
  readonly tty: boolean;
  /** Undefined where nothing is sent. */
  readonly stdin: AsyncIterable<Uint8Array> | undefined;
  stdout(chunk: Uint8Array): void | Promise<void>;
  stderr(chunk: Uint8Array): void | Promise<void>;
  /** The terminal whose size the remote one has, now and whenever it changes; undefined without one. */
  readonly terminal?: Pick<Output, "columns" | "rows" | "onResize">;
  /** A larger size goes ahead of the true one: what is attached to draws its screen again only when the size changes. */
  readonly redraw?: boolean;
}

interface RemoteStatus {
  readonly status?: string;
  readonly message?: string;
  readonly reason?: string;
  readonly details?: { readonly causes?: readonly { readonly reason?: string; readonly message?: string }[] };
}

/** Throws an ExitError when the remote command ended with another code than 0. */
export async function runRemote(session: Session, options: RemoteOptions): Promise<void> {
  const connection = await session.client.connect({
    path: options.path,
    query: options.query,
    protocols: ["v5.channel.k8s.io", "v4.channel.k8s.io"],
    signal: session.signal,
  });
  let ended = false;
  const send = async (channel: number, bytes: Uint8Array): Promise<void> => {
    if (!ended) await connection.send(Buffer.concat([Buffer.from([channel]), bytes]));
  };
  const { terminal } = options;
  const resize = (more: number): Promise<void> =>
    send(
      channels.resize,
      Buffer.from(JSON.stringify({ Width: (terminal?.columns ?? 0) + more, Height: (terminal?.rows ?? 0) + more })),
    );
  if (terminal !== undefined && options.redraw === true) await resize(1);
  if (terminal !== undefined) await resize(0);
  // A connection that cannot carry the size any more says so to its reader below.
  const unfollow = terminal?.onResize(() => void resize(0).catch(() => undefined));
  const pump = async (): Promise<void> => {
    if (options.stdin === undefined) return;
    for await (const chunk of options.stdin) {
      if (ended) return;
      await send(channels.stdin, chunk);
    }
    if (connection.protocol === "v5.channel.k8s.io" && !ended)
      await connection.send(Buffer.from([channels.close, channels.stdin]));
  };
  const pumping = pump().catch((error: unknown) => {
    if (!ended) throw error;
  });
  let result: RemoteStatus | undefined;
  try {
    for await (const message of connection.messages) {
      const [channel] = message;
      const rest = message.subarray(1);
      if (channel === channels.stdout) await options.stdout(rest);
      else if (channel === channels.stderr) await options.stderr(rest);
      else if (channel === channels.error) result = JSON.parse(Buffer.from(rest).toString("utf8")) as RemoteStatus;
    }
  } finally {
    ended = true;
    unfollow?.();
    connection.close();
    pumping.catch(() => undefined); // the stream is over; what could not be sent is of no use any more
  }
  finish(result);
}

function finish(result: RemoteStatus | undefined): void {
  if (result === undefined || result.status === "Success") return;
  const code = result.details?.causes?.find(({ reason }) => reason === "ExitCode")?.message;
  if (result.reason === "NonZeroExitCode" && code !== undefined)
    throw new ExitError(Number(code), `command terminated with exit code ${code}`);
  throw new CommandError(`Internal error occurred: ${result.message ?? "the stream ended"}`);
}
