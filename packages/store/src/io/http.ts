// What the client port answers besides gRPC: the JSON gateway, health for probes and load balancers, metrics, the version. In etcd's
// words, with the headers that let browsers of the allowed origins in (`--cors`).
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Logger, MetricsRegistry } from "@coxswain/daemon";
import type { Gateway } from "./gateway/gateway.ts";
import { healthProblem, runChecks } from "./health.ts";
import type { Served } from "./rpc/ports.ts";

export interface HttpPorts {
  readonly served: Served;
  readonly gateway: Gateway | undefined;
  readonly metrics: MetricsRegistry;
  /** Brings the gauges up to date. */
  readonly observe: () => Promise<void>;
  /** Told of every answer about health. */
  readonly healthAsked: (healthy: boolean) => void;
  /** Origins whose scripts may call; "*" stands for all. */
  readonly cors: readonly string[];
  readonly log: Logger;
}

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
  readonly allow?: string;
}

export function createHttpHandler(ports: HttpPorts): (request: IncomingMessage, response: ServerResponse) => void {
  return (request, response) => {
    const url = new URL(request.url ?? "/", "http://store");
    allowOrigin(ports.cors, request, response);
    if (request.method === "OPTIONS" && request.headers.origin !== undefined) {
      response.end();
      return;
    }
    if (ports.gateway?.serve(url.pathname, request, response) === true) return;
    // Nobody reads a body here: let it go by, so that the connection can be used again.
    request.resume();
    answer(ports, request.method ?? "GET", url)
      .catch((err: unknown): Answer => {
        ports.log.error({ err, path: request.url }, "a request failed");
        return plain(500, "internal error\n");
      })
      .then(
        ({ status, type, body, allow }) => {
          response.statusCode = status;
          response.setHeader("content-type", type);
          if (type.startsWith("text/plain")) response.setHeader("x-content-type-options", "nosniff");
          if (allow !== undefined) response.setHeader("allow", allow);
          response.end(body);
        },
        (err: unknown) => ports.log.error({ err }, "an answer could not be sent"),
      );
  };
}

function allowOrigin(cors: readonly string[], request: IncomingMessage, response: ServerResponse): void {
  const { origin } = request.headers;
  const allowed = cors.includes("*") ? "*" : origin !== undefined && cors.includes(origin) ? origin : undefined;
  if (allowed === undefined) return;
  response.setHeader("access-control-allow-methods", "POST, GET, OPTIONS, PUT, DELETE");
  response.setHeader("access-control-allow-origin", allowed);
  response.setHeader("access-control-allow-headers", "accept, content-type, authorization");
}

async function answer(ports: HttpPorts, method: string, url: URL): Promise<Answer> {
  const { served } = ports;
  const [, first = "", second, ...more] = url.pathname.split("/");
  switch (first) {
    case "health": {
      if (second !== undefined) break;
      if (method !== "GET") return onlyGet;
      const reason = await healthProblem(served, url.searchParams);
      ports.healthAsked(reason === "");
      return json(reason === "" ? 200 : 503, { health: reason === "" ? "true" : "false", reason });
    }
    case "livez":
    case "readyz": {
      if (more.length > 0) break;
      if (method !== "GET") return onlyGet;
      const result = await runChecks(served, first, second, url.searchParams);
      if (!result) break;
      ports.healthAsked(result.healthy);
      return plain(result.healthy ? 200 : 503, result.text);
    }
    case "version":
      if (second !== undefined) break;
      if (method !== "GET") return onlyGet;
      return json(200, {
        etcdserver: served.version,
        etcdcluster: clusterVersion(served.version),
        storage: clusterVersion(served.version),
      });
    case "metrics":
      if (second !== undefined) break;
      await ports.observe();
      return { status: 200, type: ports.metrics.contentType, body: await ports.metrics.expose() };
  }
  return plain(404, "404 page not found\n");
}

/** A cluster's version has no patch level of its own. */
function clusterVersion(version: string): string {
  return version.replace(/\d+$/, "0");
}

const onlyGet: Answer = { ...plain(405, "Method Not Allowed\n"), allow: "GET" };

function plain(status: number, body: string): Answer {
  return { status, type: "text/plain; charset=utf-8", body };
}

function json(status: number, value: unknown): Answer {
  return { status, type: "application/json", body: JSON.stringify(value) };
}
