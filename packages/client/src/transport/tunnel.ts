// A way through an HTTP proxy: CONNECT host:port, then the bytes are ours. TLS is spoken inside, the proxy sees none of it.
import { Agent as HttpsAgent } from "node:https";
import type { AgentOptions } from "node:https";
import type { Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { ConnectionOptions } from "node:tls";
import { ClientError } from "../errors.ts";

// Not imported: the facade of an import evaluates all that node:http has, and so loads the client behind `fetch`, which no daemon uses.
const { request } = process.getBuiltinModule("node:http");

/** Rejects with connection-failed: nothing has been sent to the server behind the proxy. */
export function openTunnel(proxy: URL, host: string, port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const target = `${host.includes(":") ? `[${host}]` : host}:${port}`;
    const credentials = `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`;
    const asked = request({
      host: proxy.hostname,
      port: proxy.port || 80,
      method: "CONNECT",
      path: target,
      headers: {
        host: target,
        ...(proxy.username === ""
          ? {}
          : { "proxy-authorization": `Basic ${Buffer.from(credentials).toString("base64")}` }),
      },
    });
    asked.once("connect", (response, socket: Socket) => {
      if (response.statusCode === 200) return resolve(socket);
      socket.destroy();
      reject(
        new ClientError(
          "connection-failed",
          `the proxy ${proxy.host} refused ${target}: ${response.statusCode} ${response.statusMessage}`,
        ),
      );
    });
    asked.once("error", (cause: NodeJS.ErrnoException) =>
      reject(
        new ClientError("connection-failed", `cannot reach ${proxy.host}: ${cause.code ?? cause.message}`, { cause }),
      ),
    );
    asked.end();
  });
}

/** An agent for HTTP/1.1 and WebSockets whose connections go through the proxy. */
export function createTunnelAgent(proxy: URL, options: AgentOptions): HttpsAgent {
  const agent = new HttpsAgent(options);
  const createConnection = (
    target: ConnectionOptions,
    done: (error: Error | null, socket?: Socket) => void,
  ): undefined => {
    openTunnel(proxy, target.host ?? "", Number(target.port ?? 443)).then(
      (socket) => done(null, connectTls({ ...target, socket })),
      (error: Error) => done(error),
    );
  };
  return Object.assign(agent, { createConnection });
}
