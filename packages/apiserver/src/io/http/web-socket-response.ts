// An answer over a WebSocket, for clients that cannot read a stream of HTTP, as browsers: events of a watch one by one as text, a log piece by
// piece. What the client says is not for anybody; it may close. exec and the like have protocols of their own and are passed on to nodes.
import type { IncomingMessage } from "node:http";
import { Writable } from "node:stream";
import type { Duplex } from "node:stream";
import { StatusError, statuses } from "@coxswain/apimachinery";
import type { WebSocket, WebSocketServer } from "ws";
import type { RawResponse } from "./outgoing.ts";

/** Nobody has anything to say to us. */
const largestMessageBytes = 64 * 1024;
const base64Protocol = "base64.binary.k8s.io";
const logProtocols: readonly string[] = ["binary.k8s.io", base64Protocol];
const bearerProtocol = "base64url.bearer.authorization.k8s.io.";

export function asksForWebSocket(raw: IncomingMessage): boolean {
  return raw.headers.upgrade?.toLowerCase() === "websocket";
}

/** Until the answer begins the connection is as it was. Throws StatusError when the client speaks none of our protocols. */
export async function webSocketResponse(
  raw: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  content: "watch" | "log",
): Promise<RawResponse> {
  const offered = offeredProtocols(raw);
  const protocol = content === "watch" ? offered[0] : logProtocols.find((name) => offered.includes(name));
  if (protocol === undefined && offered.length > 0)
    throw new StatusError(statuses.badRequest(`requested protocol(s) are not supported: ${offered.join(", ")}`));
  const { WebSocketServer: Server } = await import("ws");
  const server = new Server({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: largestMessageBytes,
    handleProtocols: () => protocol ?? false,
  });
  return new WebSocketResponse(server, raw, socket, head, content === "watch" ? linesOf : piecesIn(protocol));
}

function offeredProtocols(raw: IncomingMessage): readonly string[] {
  return (raw.headers["sec-websocket-protocol"] ?? "")
    .split(",")
    .map((text) => text.trim())
    .filter((text) => text !== "" && !text.startsWith(bearerProtocol));
}

/** A chunk as messages. */
type Messages = (chunk: Buffer) => readonly (string | Buffer)[];

/** Chunks of a watch are whole lines. */
function linesOf(chunk: Buffer): readonly string[] {
  return chunk.toString().match(/[^\n]+\n?/g) ?? [];
}

function piecesIn(protocol: string | undefined): Messages {
  return (chunk) => [protocol === base64Protocol ? chunk.toString("base64") : chunk];
}

class WebSocketResponse extends Writable implements RawResponse {
  statusCode = 200;
  readonly #begin: () => WebSocket;
  readonly #messages: Messages;
  #webSocket: WebSocket | undefined;

  constructor(server: WebSocketServer, raw: IncomingMessage, socket: Duplex, head: Buffer, messages: Messages) {
    super();
    this.#messages = messages;
    this.#begin = () => {
      let begun: WebSocket | undefined;
      server.handleUpgrade(raw, socket, head, (webSocket) => (begun = webSocket));
      if (begun === undefined) throw new StatusError(statuses.badRequest("this is no handshake of WebSocket"));
      begun.on("close", () => this.destroy());
      begun.on("error", () => this.destroy());
      return begun;
    };
  }

  get headersSent(): boolean {
    return this.#webSocket !== undefined;
  }

  /** There is no place for them. */
  setHeader(): void {}

  writeHead(): void {
    this.flushHeaders();
  }

  flushHeaders(): void {
    this.#webSocket ??= this.#begin();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.flushHeaders();
    const messages = this.#messages(chunk);
    for (const [index, message] of messages.entries())
      this.#webSocket?.send(message, index === messages.length - 1 ? (error) => done(error) : undefined);
    if (messages.length === 0) done();
  }

  override _final(done: (error?: Error | null) => void): void {
    this.flushHeaders();
    this.#webSocket?.close(1000);
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    if (error) this.#webSocket?.terminate();
    done(error);
  }
}
