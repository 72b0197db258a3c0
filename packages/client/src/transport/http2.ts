// HTTP/2: all exchanges with a server over one connection, so that thirty watches cost one handshake. A connection that
// says nothing for 30 s is asked (PING) and given up after another 15 s, as client-go does, so that a vanished server is
// noticed by its watches; with other servers to go to, after 2 s and another 2 s, so that a node's heartbeat finds another before a lease of 8 s ends. Node keeps the flow windows of streams apart: a slow reader does not stop the others.
import { connect, constants } from "node:http2";
import type { ClientHttp2Stream, IncomingHttpHeaders } from "node:http2";
import type { Socket } from "node:net";
import type { Clock, Timer } from "@coxswain/clock";
import { ClientError } from "../errors.ts";
import { SilentServer } from "./patience.ts";
import type { Patience } from "./patience.ts";
import { readStream } from "./read-stream.ts";
import type { Exchange, OutgoingRequest } from "./transport.ts";

const streamWindowBytes = 1024 * 1024;
const connectionWindowBytes = 8 * 1024 * 1024;

export interface Http2Session {
  /** False when new requests need another connection; those under way may still end well. */
  usable(): boolean;
  send(request: OutgoingRequest): Promise<Exchange>;
  close(): void;
}

/** Takes a connected socket over. */
export function createHttp2Session(
  server: URL,
  socket: Socket,
  clock: Clock,
  { quietMs, pingTimeoutMs }: Patience,
): Http2Session {
  const session = connect(server.origin, {
    createConnection: () => socket,
    settings: { initialWindowSize: streamWindowBytes, enablePush: false },
  });
  let goneAway = false;
  let open = 0;
  let lastHeard = clock.monotonic();
  let watchdog: Timer | undefined;
  const heard = (): void => void (lastHeard = clock.monotonic());

  session.once("connect", () => session.setLocalWindowSize(connectionWindowBytes));
  session.on("goaway", () => (goneAway = true));
  session.on("error", () => (goneAway = true)); // every stream gets it, too, and reports it to whoever waits
  session.once("close", () => watchdog?.cancel());
  socket.on("data", heard);

  const watch = (): void => {
    const askAtMs = lastHeard + quietMs;
    watchdog = clock.setTimeout(
      () => {
        if (session.destroyed) return;
        if (clock.monotonic() - lastHeard < quietMs) return watch();
        watchdog = clock.setTimeout(() => {
          // Once more round the loop: a process that was held up reads first what has come meanwhile.
          watchdog = clock.setTimeout(() => session.destroy(new SilentServer("no answer to a ping")), 250);
        }, pingTimeoutMs);
        session.ping(() => {
          watchdog?.cancel();
          heard();
          if (open > 0 && !session.destroyed) watch();
        });
      },
      Math.max(1, askAtMs - clock.monotonic()),
    );
  };
  const opened = (): void => {
    if (open++ > 0) return;
    session.ref();
    heard();
    watch();
  };
  const closed = (): void => {
    if (--open > 0) return;
    watchdog?.cancel();
    if (!session.destroyed) session.unref();
  };
  session.unref();

  const send = (outgoing: OutgoingRequest): Promise<Exchange> =>
    new Promise((resolve, reject) => {
      if (outgoing.signal?.aborted) return reject(outgoing.signal.reason as Error);
      const stream = session.request(
        {
          ...outgoing.headers,
          ":method": outgoing.method,
          ":path": `${server.pathname.replace(/\/$/, "")}${outgoing.target}`,
          ":authority": server.host,
          ...(outgoing.body ? { "content-length": String(outgoing.body.length) } : {}),
        },
        { endStream: outgoing.body === undefined },
      );
      opened();
      const abort = (): void => stream.close(constants.NGHTTP2_CANCEL);
      outgoing.signal?.addEventListener("abort", abort, { once: true });
      let failure: Error | undefined;
      let answered = false;
      stream.once("error", (cause: Error) => (failure = cause));
      stream.once("close", () => {
        closed();
        outgoing.signal?.removeEventListener("abort", abort);
        // Every exchange ends so; an error with its stack is made only for those that somebody still waits for.
        if (answered) return;
        if (outgoing.signal?.aborted) reject(outgoing.signal.reason as Error);
        else reject(brokenStream(server, outgoing, stream, failure));
      });
      stream.once("response", (headers) => {
        answered = true;
        resolve({
          status: Number(headers[":status"]),
          headers: flatHeaders(headers),
          body: readStream(stream, {
            signal: outgoing.signal,
            isWhole: () => stream.rstCode === constants.NGHTTP2_NO_ERROR && !stream.aborted,
            failure: (cause) => brokenStream(server, outgoing, stream, cause),
            leave: () => {
              if (!stream.closed) stream.close(constants.NGHTTP2_CANCEL);
            },
          }),
        });
      });
      if (outgoing.body !== undefined) stream.end(outgoing.body);
    });

  return {
    usable: () => !goneAway && !session.closed && !session.destroyed,
    send,
    close: () => session.destroy(),
  };
}

/** A refused stream was never looked at (RFC 9113, 8.7); of anything else the outcome is unknown. */
function brokenStream(
  server: URL,
  outgoing: OutgoingRequest,
  stream: ClientHttp2Stream,
  cause: Error | undefined,
): ClientError {
  const refused = stream.rstCode === constants.NGHTTP2_REFUSED_STREAM;
  const path = outgoing.target.split("?", 1)[0];
  const reason =
    (cause as NodeJS.ErrnoException | undefined)?.code ?? cause?.message ?? `stream reset with code ${stream.rstCode}`;
  return refused
    ? new ClientError("connection-failed", `${server.origin} refused the stream`, { cause })
    : new ClientError("connection-lost", `lost ${server.origin} during ${outgoing.method} ${path}: ${reason}`, {
        cause,
      });
}

function flatHeaders(headers: IncomingHttpHeaders): Record<string, string> {
  const flat: Record<string, string> = {};
  for (const name of Object.keys(headers)) {
    if (name.startsWith(":")) continue;
    const value = headers[name];
    flat[name] = Array.isArray(value) ? value.join(", ") : (value ?? "");
  }
  return flat;
}
