// etcd's JSON gateway: every method of the gRPC services as POST with JSON (paths.ts), in the mapping and with the errors of
// grpc-gateway. A call goes to the same handlers as over gRPC, without a connection between; a stream answers one object a line.
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import { GrpcError, JsonError, fromJson, statusCodes, toJson } from "@coxswain/etcd-api";
import type { Call, Implementation } from "@coxswain/etcd-api";
import { gatewayPaths } from "./paths.ts";
import { jsonTexts } from "./json-stream.ts";

export interface GatewayPorts {
  readonly services: readonly Implementation[];
  readonly maxRequestBytes: number;
  readonly onBug: (path: string, error: unknown) => void;
}

type Route = Implementation["routes"] extends ReadonlyMap<string, infer R> ? R : never;
type Streaming = Exclude<Route, { streaming: "unary" }>;

export interface Gateway {
  /** False: the path is none of the gateway's. */
  serve(path: string, request: IncomingMessage, response: ServerResponse): boolean;
}

export function createGateway(ports: GatewayPorts): Gateway {
  const routes = new Map(ports.services.flatMap((service) => [...service.routes]));
  return {
    serve(path, request, response) {
      const method = gatewayPaths.get(path);
      if (method === undefined) {
        if (!path.startsWith("/v3/")) return false;
        fail(response, new GrpcError(statusCodes.notFound, "Not Found"));
        return true;
      }
      const route = routes.get(method);
      if (request.method !== "POST")
        fail(response, new GrpcError(statusCodes.unimplemented, "Method Not Allowed"), 405);
      else if (!route) fail(response, new GrpcError(statusCodes.unimplemented, `unknown method ${method}`));
      else void call(ports, route, method, request, response);
      return true;
    },
  };
}

async function call(
  ports: GatewayPorts,
  route: Route,
  path: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const gone = new AbortController();
  response.on("close", () => gone.abort(new GrpcError(statusCodes.cancelled, "context canceled")));
  const { remoteAddress = "", remotePort = 0 } = request.socket;
  const about: Call = {
    signal: gone.signal,
    metadata: metadataOf(request.headers),
    path,
    peer: { address: `${remoteAddress}:${remotePort}`, commonName: undefined },
  };
  try {
    if (route.streaming === "unary") {
      const text = await bodyOf(request, ports.maxRequestBytes);
      const answer = await route.handle(fromJson(route.request, text), about);
      respond(response, 200, JSON.stringify(toJson(route.response, answer as object)));
    } else await stream(ports, route, about, request, response);
  } catch (error) {
    const failure = asGrpcError(error, path, ports);
    if (!response.headersSent) fail(response, failure);
    else response.end(`${JSON.stringify({ error: streamError(failure) })}\n`);
  }
}

async function stream(
  ports: GatewayPorts,
  route: Streaming,
  about: Call,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { streaming } = route;
  async function* requests(): AsyncGenerator<unknown> {
    for await (const text of jsonTexts(request as AsyncIterable<Buffer>, ports.maxRequestBytes))
      yield fromJson(route.request, text);
  }
  const answers = {
    ...about,
    send: (answer: unknown): boolean => {
      if (response.destroyed) return true;
      if (!response.headersSent) response.writeHead(200, { "content-type": "application/json" });
      return response.write(`${JSON.stringify({ result: toJson(route.response, answer as object) })}\n`);
    },
    drained: (): Promise<void> =>
      new Promise((resolve) => {
        if (response.destroyed || !response.writableNeedDrain) return resolve();
        response.once("drain", resolve);
        response.once("close", resolve);
      }),
  };
  if (streaming === "server") {
    const text = await bodyOf(request, ports.maxRequestBytes);
    await route.handle(fromJson(route.request, text), answers);
  } else await route.handle(requests(), answers);
  response.end();
}

/** The headers that grpc-gateway hands on: the token, and what is marked as metadata. */
function metadataOf(headers: IncomingHttpHeaders): Call["metadata"] {
  const prefix = "grpc-metadata-";
  const marked = Object.entries(headers).flatMap(([name, value]): [string, string][] =>
    name.startsWith(prefix) && typeof value === "string" ? [[name.slice(prefix.length), value]] : [],
  );
  return {
    ...Object.fromEntries(marked),
    ...(headers.authorization === undefined ? {} : { authorization: headers.authorization }),
    "grpcgateway-accept": headers.accept ?? "*/*",
  };
}

async function bodyOf(request: IncomingMessage, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    // In base64 everything is a third longer.
    if (length > (maxBytes * 4) / 3)
      throw new GrpcError(
        statusCodes.resourceExhausted,
        `grpc: received message larger than max (${length} vs. ${maxBytes})`,
      );
    chunks.push(chunk);
  }
  const text = Buffer.concat(chunks).toString("utf8");
  return text.trim() === "" ? "{}" : text;
}

function asGrpcError(error: unknown, path: string, ports: GatewayPorts): GrpcError {
  if (error instanceof GrpcError) return error;
  if (error instanceof JsonError || error instanceof RangeError)
    return new GrpcError(statusCodes.invalidArgument, error.message);
  ports.onBug(path, error);
  return new GrpcError(statusCodes.unknown, error instanceof Error ? error.message : String(error));
}

/** `error` and `message` say the same: clients of older etcds read the one, of newer the other. */
function fail(response: ServerResponse, { code, details }: GrpcError, status = httpStatus(code)): void {
  respond(response, status, JSON.stringify({ error: details, code, message: details }));
}

function streamError({ code, details }: GrpcError): object {
  const status = httpStatus(code);
  return { grpc_code: code, http_code: status, message: details, http_status: statusTexts[status] };
}

function respond(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(body);
}

const statusTexts: Readonly<Record<number, string>> = {
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  408: "Request Timeout",
  409: "Conflict",
  429: "Too Many Requests",
  500: "Internal Server Error",
  501: "Not Implemented",
  503: "Service Unavailable",
  504: "Gateway Timeout",
};

/** As grpc-gateway maps a gRPC code. */
function httpStatus(code: number): number {
  switch (code) {
    case statusCodes.cancelled:
      return 408;
    case statusCodes.invalidArgument:
    case statusCodes.failedPrecondition:
    case statusCodes.outOfRange:
      return 400;
    case statusCodes.deadlineExceeded:
      return 504;
    case statusCodes.notFound:
      return 404;
    case statusCodes.alreadyExists:
    case statusCodes.aborted:
      return 409;
    case statusCodes.permissionDenied:
      return 403;
    case statusCodes.unauthenticated:
      return 401;
    case statusCodes.resourceExhausted:
      return 429;
    case statusCodes.unimplemented:
      return 501;
    case statusCodes.unavailable:
      return 503;
    default:
      return 500;
  }
}
