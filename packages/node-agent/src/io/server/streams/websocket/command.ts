// exec and attach over WebSocket: every binary message begins with the number of its channel. Protocol versions 5 (kubectl since 1.30,
// which can close single channels), 4 and the first; for browsers also their base64 forms in text messages.
//
//   0 stdin   1 stdout   2 stderr   3 the Status at the end   4 terminal sizes   255 N  "channel N is closed" (version 5)
//
// The first version has a sentence instead of the Status, and nothing after success.
import { Buffer } from "node:buffer";
import type { IncomingMessage } from "node:http";
import { PassThrough, type Duplex } from "node:stream";
import { finished } from "node:stream/promises";
import type { Clock } from "@coxswain/clock";
import { parseSize, plainResult, statusOf, type CommandSession, type WantedStreams } from "../session.ts";
import { SizeQueue } from "../size-queue.ts";
import { openChannels, writeOrPause } from "./channels.ts";
import { acceptWebSocket, keepAlive } from "./upgrade.ts";

const versions = [
  "v5.channel.k8s.io",
  "v4.channel.k8s.io",
  "channel.k8s.io",
  "v4.base64.channel.k8s.io",
  "base64.channel.k8s.io",
] as const;
const channels = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4, close: 255 } as const;

/** Undefined when the client speaks none of the versions; it has been told so. */
export async function acceptWebSocketCommand(
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  wanted: WantedStreams,
  clock: Clock,
): Promise<CommandSession | undefined> {
  const accepted = await acceptWebSocket(request, socket, head, versions);
  if (accepted === undefined) return undefined;
  const { webSocket, protocol } = accepted;
  const gone = new AbortController();
  const sizes = new SizeQueue();
  const stdin = wanted.stdin ? new PassThrough() : undefined;
  // A client that leaves early takes its input with it; whoever reads it sees the end.
  stdin?.on("error", () => undefined);

  const { send, writer } = openChannels(webSocket, protocol, (channel, bytes) => {
    if (channel === channels.stdin && stdin !== undefined && !stdin.writableEnded)
      writeOrPause(webSocket, stdin, bytes);
    else if (channel === channels.close && bytes[0] === channels.stdin) stdin?.end();
    else if (channel === channels.resize) {
      const size = parseSize(bytes.toString("utf8"));
      if (size !== undefined) sizes.push(size);
    }
  });
  webSocket.on("error", () => webSocket.terminate());
  webSocket.on("close", () => {
    stdin?.end();
    sizes.end();
    gone.abort(new Error("the client has gone"));
  });
  keepAlive(webSocket, socket, clock);
  // An empty message on the first output tells the client that the connection stands, as the kubelet does.
  const first = wanted.stdout ? channels.stdout : wanted.stderr ? channels.stderr : channels.error;
  send(first, Buffer.alloc(0), () => undefined);

  const stdout = wanted.stdout ? writer(channels.stdout) : undefined;
  const stderr = wanted.stderr ? writer(channels.stderr) : undefined;
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
      const text = /^v[45]\./.test(protocol) ? statusOf(result) : plainResult(result);
      if (text !== "") await new Promise<void>((resolve) => send(channels.error, Buffer.from(text), () => resolve()));
      webSocket.close(1000);
    },
  };
}
