// Channels in WebSocket messages: the first byte of a binary message is the channel's number, the rest its bytes; in the base64 forms the
// number is a digit and the rest base64 text. What the channels mean is their user's business.
import { Buffer } from "node:buffer";
import { Writable } from "node:stream";
import type { WebSocket } from "ws";

export interface Channels {
  /** `done` is called when the bytes have left us, or cannot. */
  send(channel: number, bytes: Buffer, done: (error?: Error | null) => void): void;
  /** A stream into one channel; it pushes back when the peer is slow. */
  writer(channel: number): Writable;
}

const digitZero = 0x30;

export function openChannels(
  webSocket: WebSocket,
  protocol: string,
  receive: (channel: number, bytes: Buffer) => void,
): Channels {
  const base64 = protocol.includes("base64");
  webSocket.on("message", (data: Buffer) => {
    if (data.length === 0) return;
    const [first = 0, rest] = [data[0], data.subarray(1)];
    if (base64) receive(first - digitZero, Buffer.from(rest.toString("latin1"), "base64"));
    else receive(first, rest);
  });
  const send: Channels["send"] = (channel, bytes, done) => {
    if (webSocket.readyState !== webSocket.OPEN) return done(new Error("the client has gone"));
    if (base64) {
      const text = String.fromCharCode(digitZero + channel) + bytes.toString("base64");
      webSocket.send(text, { binary: false }, done);
    } else webSocket.send(Buffer.concat([Buffer.of(channel), bytes]), { binary: true }, done);
  };
  return {
    send,
    writer(channel) {
      const writer = new Writable({ write: (chunk: Buffer, _encoding, done) => send(channel, chunk, done) });
      // A client that has gone is told by the socket; its streams need no second voice.
      writer.on("error", () => undefined);
      return writer;
    },
  };
}

/** Writes to a stream and does not listen to the peer until there is room again. */
export function writeOrPause(webSocket: WebSocket, to: Writable, bytes: Buffer): void {
  if (to.write(bytes)) return;
  webSocket.pause();
  to.once("drain", () => webSocket.resume()).once("close", () => webSocket.resume());
}
