// exec and attach over SPDY/3.1, for kubectl before 1.30 and clients without WebSocket: one stream each for the error, the input, the
// outputs and the terminal's sizes, told apart by the header `streamtype`.
import { Buffer } from "node:buffer";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { finished } from "node:stream/promises";
import type { Clock } from "@coxswain/clock";
import { parseSize, plainResult, statusOf, type CommandSession, type WantedStreams } from "../session.ts";
import { SizeQueue } from "../size-queue.ts";
import { SpdyConnection, type SpdyStream } from "./connection.ts";
import { switchToSpdy } from "./upgrade.ts";

/** Newest first. Version 4 brought the Status with the exit code, 3 the terminal's sizes. */
const versions = ["v4.channel.k8s.io", "v3.channel.k8s.io", "v2.channel.k8s.io", "channel.k8s.io"] as const;
/** As in the kubelet: how long a client may take to open its streams. */
const streamsTimeoutMs = 30_000;

/** Answers the upgrade; resolves when the client has opened every stream (a write before that would hang kubectl). */
export async function acceptSpdyCommand(
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  wanted: WantedStreams,
  clock: Clock,
): Promise<CommandSession | undefined> {
  const version = switchToSpdy(request, socket, versions);
  if (version === undefined) return undefined;
  const sized = wanted.tty && (version === "v4.channel.k8s.io" || version === "v3.channel.k8s.io");
  const types = [
    "error",
    ...(wanted.stdin ? ["stdin"] : []),
    ...(wanted.stdout ? ["stdout"] : []),
    ...(wanted.stderr ? ["stderr"] : []),
    ...(sized ? ["resize"] : []),
  ];
  const streams = new Map<string, SpdyStream>();
  const complete = Promise.withResolvers<void>();
  const connection = new SpdyConnection(socket, head, (stream) => {
    const type = stream.headers.get("streamtype") ?? "";
    if (!types.includes(type) || streams.has(type)) {
      stream.destroy();
      return;
    }
    streams.set(type, stream);
    if (streams.size === types.length) complete.resolve();
  });
  const timer = clock.setTimeout(
    () => complete.reject(new Error("the client did not open its streams in time")),
    streamsTimeoutMs,
  );
  connection.closed.addEventListener("abort", () => complete.reject(new Error("the client has gone")), { once: true });
  try {
    await complete.promise;
  } catch (error) {
    connection.close();
    throw error;
  } finally {
    timer.cancel();
  }
  return session(connection, streams, version === "v4.channel.k8s.io");
}

function session(
  connection: SpdyConnection,
  streams: ReadonlyMap<string, SpdyStream>,
  withStatus: boolean,
): CommandSession {
  const sizes = new SizeQueue();
  void readSizes(streams.get("resize"), sizes);
  // These carry bytes one way only; what the other side says in them is read and dropped, so that its end is seen.
  for (const type of ["error", "stdout", "stderr"]) streams.get(type)?.resume();
  return {
    stdin: streams.get("stdin"),
    stdout: streams.get("stdout"),
    stderr: streams.get("stderr"),
    resize: sizes,
    closed: connection.closed,
    async exit(result) {
      const outputs = ["stdout", "stderr"].map((type) => streams.get(type)).filter((stream) => stream !== undefined);
      await Promise.all(outputs.map(ended));
      const error = streams.get("error");
      if (error !== undefined) {
        error.write(Buffer.from(withStatus ? statusOf(result) : plainResult(result)));
        await ended(error);
      }
      connection.close();
    },
  };
}

/** Resolves when FIN is out, or the stream is broken, which comes to the same for a session that ends. */
async function ended(stream: SpdyStream): Promise<void> {
  if (!stream.writableEnded) stream.end();
  await finished(stream, { readable: false }).catch(() => undefined);
}

async function readSizes(stream: SpdyStream | undefined, sizes: SizeQueue): Promise<void> {
  if (stream === undefined) return sizes.end();
  let text = "";
  try {
    for await (const chunk of stream) {
      text += (chunk as Buffer).toString("utf8");
      // One JSON object after the other; `}` ends each, since sizes have no inner objects.
      for (let end = text.indexOf("}"); end >= 0; end = text.indexOf("}")) {
        const size = parseSize(text.slice(0, end + 1));
        if (size !== undefined) sizes.push(size);
        text = text.slice(end + 1);
      }
    }
  } finally {
    sizes.end();
  }
}
