// WebSockets to the API server (exec, attach, port-forward), over a connection of their own. The only importer of ws, and only
// when one is opened: the daemons never do, and it would cost each of them some megabytes.
import type { RawData, WebSocket } from "ws";
import type { Connection, ConnectRequest } from "./client.ts";
import { ClientError } from "./errors.ts";
import { queryText } from "./path.ts";
import type { TlsMaterial } from "./transport/tls.ts";
import { createTunnelAgent } from "./transport/tunnel.ts";

/** Above this much unread input the socket is paused. */
const highWaterMessages = 64;

export async function openConnection(
  server: URL,
  tls: TlsMaterial,
  headers: Readonly<Record<string, string>>,
  request: ConnectRequest,
  proxy?: URL,
): Promise<Connection> {
  const { WebSocket } = await import("ws");
  const base = server.href.replace(/^http/, "ws").replace(/\/$/, "");
  const socket = new WebSocket(`${base}${request.path}${queryText(request.query)}`, [...request.protocols], {
    ...(server.protocol === "https:" ? tls.options(server.hostname) : {}),
    ...(proxy === undefined ? {} : { agent: createTunnelAgent(proxy, {}) }),
    headers,
    perMessageDeflate: false,
  });
  const inbox = createInbox(socket);
  return new Promise((resolve, reject) => {
    const abandon = (): void => socket.terminate();
    request.signal?.addEventListener("abort", abandon, { once: true });
    socket.once("close", () => request.signal?.removeEventListener("abort", abandon));
    socket.once("unexpected-response", (_request, response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.once("end", () => {
        const text = Buffer.concat(chunks).toString("utf8");
        reject(
          new ClientError(
            "upgrade-refused",
            messageIn(text) ?? `the server answered ${response.statusCode} instead of opening a stream`,
          ),
        );
      });
    });
    socket.once("error", (cause) => {
      reject(
        request.signal?.aborted
          ? (request.signal.reason as Error)
          : new ClientError("connection-failed", `cannot open a stream to ${base}: ${cause.message}`, { cause }),
      );
    });
    socket.once("open", () =>
      resolve({
        protocol: socket.protocol,
        messages: inbox,
        send: (message) =>
          new Promise((sent, failed) => {
            socket.send(message, { binary: true }, (cause) =>
              cause ? failed(new ClientError("connection-lost", "the stream was closed", { cause })) : sent(),
            );
          }),
        close: () => socket.close(),
      }),
    );
  });
}

function messageIn(text: string): string | undefined {
  const match = /"message":"((?:[^"\\]|\\.)*)"/.exec(text);
  return match ? (JSON.parse(`"${match[1]}"`) as string) : undefined;
}

function createInbox(socket: WebSocket): AsyncIterable<Uint8Array> {
  const waiting: Uint8Array[] = [];
  let wake: (() => void) | undefined;
  let ended = false;
  socket.on("message", (data: RawData) => {
    waiting.push(Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data as Buffer));
    if (waiting.length >= highWaterMessages) socket.pause();
    wake?.();
  });
  socket.on("error", () => wake?.()); // "close" follows and ends the messages
  socket.once("close", () => {
    ended = true;
    wake?.();
  });
  return {
    async *[Symbol.asyncIterator]() {
      for (;;) {
        const message = waiting.shift();
        if (message !== undefined) {
          if (waiting.length === 0 && socket.isPaused) socket.resume();
          yield message;
        } else if (ended) return;
        else {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
      }
    },
  };
}
