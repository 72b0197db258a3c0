// An upgrade whose protocol is somebody else's affair (SPDY, WebSockets of a client behind `cox proxy`): the request is passed on with our
// credentials, and what follows the answer's head is bytes, both ways.
import type { IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import type { Socket } from "node:net";
import type { UpgradeRequest, Upgraded } from "./client.ts";
import { connectError } from "./transport/tls.ts";
import type { TlsMaterial } from "./transport/tls.ts";
import { createTunnelAgent } from "./transport/tunnel.ts";

// Not imported: the facade of an import evaluates all that node:http has, and so loads the client behind `fetch`.
const { request: httpRequest } = process.getBuiltinModule("node:http");

export function passUpgrade(
  server: URL,
  tls: TlsMaterial,
  credentials: Readonly<Record<string, string>>,
  { method, target, headers, signal }: UpgradeRequest,
  proxy?: URL,
): Promise<Upgraded> {
  const secure = server.protocol === "https:";
  const host = server.hostname.replace(/^\[|\]$/g, "");
  const options = {
    method,
    host,
    port: server.port || (secure ? 443 : 80),
    path: `${server.pathname.replace(/\/$/, "")}${target}`,
    headers: { ...headers, ...credentials, host: server.host },
    ...(signal === undefined ? {} : { signal }),
  };
  const agent = proxy === undefined ? false : createTunnelAgent(proxy, {});
  return new Promise((resolve, reject) => {
    const asked = secure ? httpsRequest({ ...options, agent, ...tls.options(host) }) : httpRequest(options);
    asked.once("upgrade", (response: IncomingMessage, socket: Socket, head: Buffer) => {
      if (head.length > 0) socket.unshift(head);
      resolve({ kind: "upgraded", status: response.statusCode ?? 101, headers: pairs(response), socket });
    });
    asked.once("response", (response: IncomingMessage) =>
      resolve({ kind: "answered", status: response.statusCode ?? 0, headers: pairs(response), body: response }),
    );
    asked.once("error", (cause: NodeJS.ErrnoException) =>
      reject(signal?.aborted ? (signal.reason as Error) : connectError(server.origin, cause)),
    );
    asked.end();
  });
}

function pairs({ rawHeaders }: IncomingMessage): readonly (readonly [string, string])[] {
  return rawHeaders.flatMap((name, index) => (index % 2 === 0 ? [[name, rawHeaders[index + 1] ?? ""] as const] : []));
}
