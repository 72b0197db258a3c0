// HTTP/1.1 with kept-alive connections, one exchange per connection at a time. For plain http and servers without HTTP/2.
import type { IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { ClientError } from "../errors.ts";
import { connectError } from "./tls.ts";
import type { TlsMaterial } from "./tls.ts";
import { createTunnelAgent } from "./tunnel.ts";
import type { Exchange, OutgoingRequest, Transport } from "./transport.ts";

// Not imported: the facade of an import evaluates all that node:http has, and so loads the client behind `fetch`, which no daemon uses.
const { Agent: HttpAgent, request: httpRequest } = process.getBuiltinModule("node:http");

/** Detects a peer that vanished without a word. */
const keepAliveProbeMs = 15_000;
const connectTimeoutMs = 5_000;

export function createHttp1Transport(server: URL, tls: TlsMaterial, proxy?: URL): Transport {
  const secure = server.protocol === "https:";
  const options = { keepAlive: true, keepAliveMsecs: keepAliveProbeMs, maxFreeSockets: 8, scheduling: "lifo" as const };
  const agent = !secure
    ? new HttpAgent(options)
    : proxy === undefined
      ? new HttpsAgent(options)
      : createTunnelAgent(proxy, options);

  const send = (outgoing: OutgoingRequest): Promise<Exchange> =>
    new Promise((resolve, reject) => {
      let connected = false;
      const init = {
        method: outgoing.method,
        host: server.hostname.replace(/^\[|\]$/g, ""),
        port: server.port || (secure ? 443 : 80),
        path: `${server.pathname.replace(/\/$/, "")}${outgoing.target}`,
        headers: {
          ...outgoing.headers,
          host: server.host,
          ...(outgoing.body ? { "content-length": String(outgoing.body.length) } : {}),
        },
        agent,
        ...(outgoing.signal ? { signal: outgoing.signal } : {}),
      };
      const request = secure
        ? httpsRequest({ ...init, agent: agent as HttpsAgent, ...tls.options(init.host) })
        : httpRequest(init);
      request.once("socket", (socket: Socket) => {
        if (request.reusedSocket || !socket.connecting) {
          connected = true;
          return;
        }
        socket.setTimeout(connectTimeoutMs, () => {
          if (!connected) request.destroy(Object.assign(new Error("timed out"), { code: "ETIMEDOUT" }));
        });
        const ready = (): void => {
          connected = true;
          socket.setTimeout(0);
        };
        socket.once((socket as TLSSocket).encrypted === true ? "secureConnect" : "connect", ready);
      });
      request.once("error", (cause: NodeJS.ErrnoException) => {
        if (outgoing.signal?.aborted) reject(outgoing.signal.reason as Error);
        else if (!connected) reject(connectError(server.origin, cause));
        else reject(lost(server, outgoing, cause));
      });
      request.once("response", (response) => {
        resolve({
          status: response.statusCode ?? 0,
          headers: flatHeaders(response),
          body: readBody(response, server, outgoing),
        });
      });
      request.end(outgoing.body);
    });

  return { send, close: () => agent.destroy() };
}

async function* readBody(
  response: IncomingMessage,
  server: URL,
  outgoing: OutgoingRequest,
): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of response) yield chunk as Buffer;
  } catch (cause) {
    if (outgoing.signal?.aborted) throw outgoing.signal.reason;
    throw lost(server, outgoing, cause as NodeJS.ErrnoException);
  } finally {
    if (!response.complete) response.destroy();
  }
}

function lost(server: URL, outgoing: OutgoingRequest, cause: NodeJS.ErrnoException): ClientError {
  const path = outgoing.target.split("?", 1)[0];
  return new ClientError(
    "connection-lost",
    `lost ${server.origin} during ${outgoing.method} ${path}: ${cause.code ?? cause.message}`,
    { cause },
  );
}

function flatHeaders(response: IncomingMessage): Record<string, string> {
  return Object.fromEntries(
    Object.entries(response.headers).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join(", ") : (value ?? ""),
    ]),
  );
}
