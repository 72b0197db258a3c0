// exec and attach over WebSocket: every binary message begins with the number of its channel. Protocol versions 5 (kubectl since 1.30,
// which can close single channels) and 4; for browsers also their base64 forms in text messages.
//
//   0 stdin   1 stdout   2 stderr   3 the Status at the end   4 terminal sizes   255 N  "channel N is closed" (version 5)
import { Buffer } from "node:buffer";
import type { IncomingMessage } from "node:http";
import { PassThrough, Writable, type Duplex } from "node:stream";
import { finished } from "node:stream/promises";
import type { Clock } from "@coxswain/clock";
import type { WebSocket } from "ws";
import { parseSize, statusOf, type CommandSession, type WantedStreams } from "../session.ts";
import { SizeQueue } from "../size-queue.ts";
import { acceptWebSocket, keepAlive } from "./upgrade.ts";

const versions = [
  "v5.channel.k8s.io",
  "v4.channel.k8s.io",
  "channel.k8s.io",
  "v4.base64.channel.k8s.io",
  "base64.channel.k8s.io",
] as const;
const channels = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4, close: 255 } as const;

export async function acceptWebSocketCommand(
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  wanted: WantedStreams,
  clock: Clock,
): Promise<CommandSession> {
  const { webSocket, protocol } = await acceptWebSocket(request, socket, head, versions);
  const base64 = protocol.includes("base64");
  const gone = new AbortController();
  const sizes = new SizeQueue();
  const stdin = wanted.stdin ? new PassThrough() : undefined;
  // A client that leaves early takes its input with it; whoever reads it sees the end.
  stdin?.on("error", () => undefined);

  const send = (channel: number, bytes: Buffer, done: (error?: Error | null) => void): void => {
    if (webSocket.readyState !== webSocket.OPEN) return done(new Error("the client has gone"));
    if (base64) webSocket.send(`${channel}${bytes.toString("base64")}`, { binary: false }, done);
    else webSocket.send(Buffer.concat([Buffer.of(channel), bytes]), { binary: true }, done);
  };

  webSocket.on("message", (data: Buffer, isBinary: boolean) => {
    const message = isBinary || !base64 ? data : decodeText(data);
    const [channel, body] = [message[0], message.subarray(1)];
    if (channel === channels.stdin && stdin !== undefined && !stdin.writableEnded) pauseWhile(webSocket, stdin, body);
    else if (channel === channels.close && body[0] === channels.stdin) stdin?.end();
    else if (channel === channels.resize) {
      const size = parseSize(body.toString("utf8"));
      if (size !== undefined) sizes.push(size);
    }
  });
  webSocket.on("error", () => webSocket.terminate());
  webSocket.on("close", () => {
    stdin?.end();
    sizes.end();
    gone.abort(new Error("the client has gone"));
  });
  keepAlive(webSocket, clock);
  // An empty message on the first output tells the client that the connection stands, as the kubelet does.
  send(wanted.stdout ? channels.stdout : channels.stderr, Buffer.alloc(0), () => undefined);

  const stdout = wanted.stdout ? channelWriter(channels.stdout, send) : undefined;
  const stderr = wanted.stderr ? channelWriter(channels.stderr, send) : undefined;
  return {
    stdin,
    stdout,
    stderr,
    resize: sizes,
    closed: gone.signal,
    async exit(result) {
      for (const output of [stdout, stderr]) {
        if (output === undefined) continue;
        if (!output.writableEnded) output.end();
        await finished(output).catch(() => undefined);
      }
      await new Promise<void>((resolve) => send(channels.error, Buffer.from(statusOf(result)), () => resolve()));
      webSocket.close(1000);
    },
  };
}

function channelWriter(
  channel: number,
  send: (channel: number, bytes: Buffer, done: (error?: Error | null) => void) => void,
): Writable {
  const writer = new Writable({ write: (chunk: Buffer, _encoding, done) => send(channel, chunk, done) });
  writer.on("error", () => undefined);
  return writer;
}

function pauseWhile(webSocket: WebSocket, stdin: PassThrough, bytes: Buffer): void {
  if (stdin.write(bytes)) return;
  webSocket.pause();
  stdin.once("drain", () => webSocket.resume());
}

/** "0aGVsbG8=": the channel as a digit, then base64. */
function decodeText(data: Buffer): Buffer {
  const text = data.toString("latin1");
  return Buffer.concat([Buffer.of(Number(text[0])), Buffer.from(text.slice(1), "base64")]);
}
