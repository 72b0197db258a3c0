// What answers on a daemon's server: health, readiness and metrics, and the daemon's own routes where it has some. It knows nothing of
// certificates: a gate says who may see what is not open to all.
import type { IncomingMessage, Server as HttpServer, ServerResponse } from "node:http";
import type { Server } from "node:https";
import type { HttpsServerPorts, Refusal } from "./https-server.ts";

export type Gate = (request: IncomingMessage) => Promise<Refusal | undefined>;

/** What answers requests on the server; it listens once. */
export interface App {
  listen(host: string, port: number): Promise<void>;
  close(): Promise<void>;
}

/** Only for daemons with routes of their own: the framework costs 5 MB of memory. */
export async function createRoutedApp(server: Server | HttpServer, ports: HttpsServerPorts, gate: Gate): Promise<App> {
  const { fastify } = await import("fastify");
  const app = fastify({
    serverFactory: (handler) => server.on("request", handler),
    forceCloseConnections: true,
    routerOptions: { maxParamLength: 512 },
  });
  app.addHook("onRequest", async (request, reply) => {
    if (openPaths.has(pathOf(request.url))) return;
    const refusal = await gate(request.raw);
    if (refusal) await reply.code(refusal.status).type("text/plain").send(refusal.text);
  });
  for (const path of commonPaths)
    app.get(path, async (_request, reply) => {
      const { status, type, text } = await answerTo(path, ports);
      return reply.code(status).type(type).send(text);
    });
  ports.routes?.(app);
  return {
    listen: async (host, port) => void (await app.listen({ host, port })),
    async close() {
      server.closeAllConnections();
      await app.close();
    },
  };
}

export function createSmallApp(server: Server | HttpServer, ports: HttpsServerPorts, gate: Gate): App {
  const judge = async (request: IncomingMessage): Promise<CommonAnswer> => {
    const path = pathOf(request.url ?? "");
    const refusal = openPaths.has(path) ? undefined : await gate(request);
    if (refusal) return { status: refusal.status, type: plainText, text: refusal.text };
    const isRead = request.method === "GET" || request.method === "HEAD";
    return isRead && commonPaths.has(path)
      ? answerTo(path, ports)
      : { status: 404, type: plainText, text: "not found" };
  };
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { status, type, text } = await judge(request).catch((error: unknown): CommonAnswer => {
      ports.log.warn({ err: error }, "a request could not be answered");
      return { status: 500, type: plainText, text: "Internal Server Error" };
    });
    response.writeHead(status, { "content-type": type, "content-length": Buffer.byteLength(text) });
    response.end(request.method === "HEAD" ? undefined : text);
  };
  server.on("request", (request: IncomingMessage, response: ServerResponse) => void answer(request, response));
  return {
    listen: (host, port) =>
      new Promise((resolve, reject) => {
        server.once("error", reject);
        server.listen(port, host, () => {
          server.off("error", reject);
          resolve();
        });
      }),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

interface CommonAnswer {
  readonly status: number;
  readonly type: string;
  readonly text: string;
}

const openPaths: ReadonlySet<string> = new Set(["/healthz", "/livez", "/readyz"]);
const plainText = "text/plain; charset=utf-8";
const commonPaths: ReadonlySet<string> = new Set([...openPaths, "/metrics"]);

async function answerTo(path: string, ports: HttpsServerPorts): Promise<CommonAnswer> {
  if (path === "/metrics") return { status: 200, type: ports.metrics.contentType, text: await ports.metrics.expose() };
  const missing = path === "/readyz" ? ports.ready() : [];
  const text = missing.length === 0 ? "ok" : missing.map((item) => `[-] ${item}\n`).join("");
  return { status: missing.length === 0 ? 200 : 503, type: plainText, text };
}

function pathOf(url: string): string {
  return url.split("?", 1)[0] ?? "";
}
