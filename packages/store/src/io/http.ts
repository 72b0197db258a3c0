// What the client port answers besides gRPC: health for probes and load balancers, metrics, the version. In etcd's words.
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import type { Logger, MetricsRegistry } from "@coxswain/daemon";
import { healthProblems } from "./rpc/status.ts";
import type { Served } from "./rpc/ports.ts";

export interface HttpPorts {
  readonly served: Served;
  readonly metrics: MetricsRegistry;
  /** Brings the gauges up to date. */
  readonly observe: () => Promise<void>;
  readonly log: Logger;
}

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

export function createHttpHandler(
  ports: HttpPorts,
): (request: IncomingMessage | Http2ServerRequest, response: ServerResponse | Http2ServerResponse) => void {
  return (request, response) => {
    answer(ports, request.method ?? "GET", new URL(request.url ?? "/", "http://store"))
      .catch((err: unknown): Answer => {
        ports.log.error({ err, path: request.url }, "a request failed");
        return plain(500, "internal error\n");
      })
      .then(
        ({ status, type, body }) => {
          response.statusCode = status;
          response.setHeader("content-type", type);
          response.end(body);
        },
        (err: unknown) => ports.log.error({ err }, "an answer could not be sent"),
      );
  };
}

async function answer(ports: HttpPorts, method: string, url: URL): Promise<Answer> {
  const { served } = ports;
  switch (url.pathname) {
    case "/health": {
      if (method !== "GET") return plain(405, "Method Not Allowed\n");
      const problems = await healthProblems(served, url.searchParams.get("serializable") === "true");
      return json(problems.length === 0 ? 200 : 503, {
        health: problems.length === 0 ? "true" : "false",
        reason: problems[0] ?? "",
      });
    }
    case "/livez":
      return check(await healthProblems(served, true));
    case "/readyz":
      return check(await healthProblems(served, false));
    case "/version":
      return json(200, { etcdserver: served.version, etcdcluster: served.version, storage: served.version });
    case "/metrics":
      await ports.observe();
      return { status: 200, type: ports.metrics.contentType, body: await ports.metrics.expose() };
    default:
      return plain(404, "404 page not found\n");
  }
}

function check(problems: readonly string[]): Answer {
  return problems.length === 0 ? plain(200, "ok\n") : plain(503, `${problems.join("\n")}\n`);
}

function plain(status: number, body: string): Answer {
  return { status, type: "text/plain; charset=utf-8", body };
}

function json(status: number, value: unknown): Answer {
  return { status, type: "application/json", body: JSON.stringify(value) };
}
