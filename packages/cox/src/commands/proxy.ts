// `cox proxy`: a small HTTP server on this machine that passes requests on to the API with our credentials. Answers stream, and what is
// upgraded (exec, attach, port-forward, watches over WebSocket) is passed on byte by byte.
import { STATUS_CODES, createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { pipeline } from "node:stream/promises";
import { StatusError } from "@coxswain/apimachinery";
import type { RawRequest } from "@coxswain/client";
import { bool, duration, number, text } from "../args/common.ts";
import type { Args } from "../args/flags.ts";
import type { Command } from "../command.ts";
import { CommandError } from "../failure.ts";
import type { Session } from "../session.ts";

export const proxy: Command = {
  usage: "proxy [--port=PORT] [--api-prefix=PREFIX] [options]",
  summary: "Run a proxy to the Kubernetes API server",
  examples: `
# On port 8001
cox proxy

# On a free port, for one path only
cox proxy --port=0 --accept-paths='^/api/v1/namespaces/demo/.*'`,
  flags: {
    "accept-hosts": text("Regular expression for hosts that the proxy should accept.", {
      default: "^localhost$,^127\\.0\\.0\\.1$,^\\[::1\\]$",
    }),
    "accept-paths": text("Regular expression for paths that the proxy should accept.", { default: "^.*" }),
    address: text("The IP address on which to serve on.", { default: "127.0.0.1" }),
    "api-prefix": text("Prefix to serve the proxied API under.", { default: "/" }),
    "append-server-path": bool(
      "If true, enables automatic path appending of the kube context server path to each request.",
      { fixed: "the path of the kubeconfig's server is always in front" },
    ),
    "disable-filter": bool(
      "If true, disable request filtering in the proxy. This is dangerous, and can leave you vulnerable to XSRF attacks, when used with an accessible port.",
    ),
    keepalive: duration(
      "keepalive specifies the keep-alive period for an active network connection. Set to 0 to disable keepalive.",
    ),
    port: number("The port on which to run the proxy. Set to 0 to pick a random port.", {
      short: "p",
      default: "8001",
    }),
    "reject-methods": text(
      "Regular expression for HTTP methods that the proxy should reject (example --reject-methods='POST,PUT,PATCH').",
      { default: "^$" },
    ),
    "reject-paths": text(
      "Regular expression for paths that the proxy should reject. Paths specified here will be rejected even accepted by --accept-paths.",
      {
        default: "^/api/.*/pods/.*/exec,^/api/.*/pods/.*/attach",
      },
    ),
    "unix-socket": text("Unix socket on which to run the proxy.", { short: "u" }),
    www: text("Also serve static files from the given directory under the specified prefix.", { short: "w" }),
    "www-prefix": text("Prefix to serve static files under, if static file directory is specified.", {
      short: "P",
      default: "/static/",
    }),
  },
  run: async (session, args) => {
    if (args.words.length > 0) throw new CommandError(`proxy takes no arguments, and got ${args.words.join(" ")}`);
    const filter = createFilter(args);
    if (args.flag("disable-filter") && args.text("unix-socket") === "")
      session.err.write("Request filter disabled, your proxy is vulnerable to XSRF attacks, please be cautious\n");
    const slashed = (path: string): string => path.replace(/\/*$/, "/").replace(/^\/*/, "/");
    const prefix = slashed(args.text("api-prefix"));
    const files = await filesOf(args.text("www"), slashed(args.text("www-prefix")));
    const server = createServer((request, response) => {
      const work = files(request)?.(response) ?? serve(session, filter, prefix, request, response);
      work.catch((error: unknown) => {
        if (response.headersSent) response.destroy();
        else refuse(response, 502, (error as Error).message);
      });
    });
    const upgrades = new Set<Duplex>();
    server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      upgrades.add(socket);
      socket.once("close", () => upgrades.delete(socket));
      // Whoever hangs up has its reasons; the other side is closed with it.
      socket.on("error", () => socket.destroy());
      if (head.length > 0) socket.unshift(head);
      passUpgradeOn(session, filter, prefix, request, socket).catch((error: unknown) =>
        socket.end(plainAnswer("502 Bad Gateway", (error as Error).message)),
      );
    });
    const alive = args.duration("keepalive");
    if (alive > 0) server.on("connection", (socket) => socket.setKeepAlive(true, alive));
    const listening = new Promise<void>((resolve, reject) => {
      server.once("error", (error: Error) => reject(new CommandError(`listen: ${error.message}`)));
      const socket = args.text("unix-socket");
      if (socket !== "") server.listen(socket, resolve);
      else server.listen(args.number("port"), args.text("address"), resolve);
    });
    await listening;
    const address = server.address();
    const shown =
      typeof address === "string"
        ? address
        : address === null
          ? ""
          : `${address.family === "IPv6" ? `[${address.address}]` : address.address}:${address.port}`;
    session.out.write(`Starting to serve on ${shown}\n`);
    await new Promise<void>((resolve) => session.signal.addEventListener("abort", () => resolve(), { once: true }));
    server.closeAllConnections();
    for (const socket of upgrades) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  },
};

type Filter = (request: IncomingMessage, path: string) => boolean;

/** Files of a directory, by the path of a request; nothing outside of it. */
async function filesOf(
  directory: string,
  prefix: string,
): Promise<(request: IncomingMessage) => ((response: ServerResponse) => Promise<void>) | undefined> {
  if (directory === "") return () => undefined;
  const { serveFile, isDirectory } = await import("../resource/static-files.ts");
  if (!(await isDirectory(directory))) throw new CommandError(`static file directory ${directory} is not a directory`);
  return (request) => {
    const { pathname } = new URL(request.url ?? "/", "http://proxy");
    if (!pathname.startsWith(prefix)) return undefined;
    return (response) => serveFile(directory, pathname.slice(prefix.length), request, response);
  };
}

function createFilter(args: Args): Filter {
  if (args.flag("disable-filter")) return () => true;
  const patterns = (name: string): RegExp[] =>
    args
      .text(name)
      .split(",")
      .map((pattern) => {
        try {
          return new RegExp(pattern);
        } catch (error) {
          throw new CommandError(`error creating filter: --${name}: ${(error as Error).message}`);
        }
      });
  const [hosts, paths, noPaths, noMethods] = [
    patterns("accept-hosts"),
    patterns("accept-paths"),
    patterns("reject-paths"),
    patterns("reject-methods"),
  ];
  const unix = args.text("unix-socket") !== "";
  return (request, path) => {
    const host = (request.headers.host ?? "").replace(/:\d+$/, "");
    const matches = (list: readonly RegExp[], value: string): boolean => list.some((pattern) => pattern.test(value));
    if (matches(noPaths, path) || matches(noMethods, request.method ?? "")) return false;
    return (unix || matches(hosts, host)) && matches(paths, path);
  };
}

const plainAnswer = (status: string, text: string): string =>
  `HTTP/1.1 ${status}\r\ncontent-type: text/plain\r\nconnection: close\r\n\r\n${text}\n`;

/** As the client wrote it, but for what says who it is: that is ours to say. */
const ofOurOwn = new Set(["host", "authorization"]);

async function passUpgradeOn(
  session: Session,
  filter: Filter,
  prefix: string,
  request: IncomingMessage,
  socket: Duplex,
): Promise<void> {
  const url = new URL(request.url ?? "/", "http://proxy");
  const path = `/${url.pathname.slice(prefix.length)}`;
  const refusal = !url.pathname.startsWith(prefix) ? "404 Not Found" : filter(request, path) ? "" : "403 Forbidden";
  if (refusal !== "") {
    socket.end(plainAnswer(refusal, refusal.slice(4)));
    return;
  }
  const gone = new AbortController();
  socket.once("close", () => gone.abort());
  const headers = Object.fromEntries(
    Object.entries(request.headersDistinct).flatMap(([name, values]) =>
      values === undefined || ofOurOwn.has(name) ? [] : [[name, values]],
    ),
  );
  const answer = await session.client.upgrade({
    ...{ method: request.method ?? "GET", target: `${path}${url.search}`, headers },
    signal: AbortSignal.any([gone.signal, session.signal]),
  });
  const head = [
    `HTTP/1.1 ${answer.status} ${STATUS_CODES[answer.status] ?? ""}`,
    // An answer that is none of an upgrade ends with its connection: how long it is need not be said.
    ...answer.headers
      .filter(([name]) => answer.kind === "upgraded" || !notPassedBack.has(name.toLowerCase()))
      .map(([name, value]) => `${name}: ${value}`),
    ...(answer.kind === "upgraded" ? [] : ["connection: close"]),
  ];
  socket.write(`${head.join("\r\n")}\r\n\r\n`);
  if (answer.kind === "answered") return pipeline(answer.body, socket);
  // Either side may finish first, and the other goes on until it has, too; what breaks on one breaks both.
  await Promise.all([pipeline(socket, answer.socket), pipeline(answer.socket, socket)]).catch(() => {
    socket.destroy();
    answer.socket.destroy();
  });
}

const passedOn = ["accept", "content-type", "if-none-match", "if-match", "impersonate-user"];
const notPassedBack = new Set(["connection", "transfer-encoding", "keep-alive", "content-length", "content-encoding"]);
const methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"] as const;

async function serve(
  session: Session,
  filter: Filter,
  prefix: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const url = new URL(request.url ?? "/", "http://proxy");
  if (!url.pathname.startsWith(prefix)) return refuse(response, 404, "404 page not found\n");
  const path = `/${url.pathname.slice(prefix.length)}`;
  if (!filter(request, path)) return refuse(response, 403, "Forbidden\n");
  const method = methods.find((each) => each === request.method);
  if (method === undefined) return refuse(response, 405, `the method ${request.method} is not passed on\n`);
  const chunks: Uint8Array[] = [];
  for await (const chunk of request) chunks.push(chunk as Uint8Array);
  const gone = new AbortController();
  response.once("close", () => gone.abort());
  const query: Record<string, string[]> = {};
  for (const [key, value] of url.searchParams) query[key] = [...(query[key] ?? []), value];
  const headers = Object.fromEntries(
    passedOn.flatMap((name) => (request.headers[name] === undefined ? [] : [[name, String(request.headers[name])]])),
  );
  const { accept = "*/*", "content-type": contentType, ...rest } = headers;
  const asked: RawRequest = {
    ...{ method, path, query, accept, headers: rest },
    ...(chunks.length === 0 ? {} : { body: Buffer.concat(chunks), contentType }),
    signal: AbortSignal.any([gone.signal, session.signal]),
  };
  try {
    const answer = await session.client.stream(asked);
    begin(response, answer.status, answer.headers);
    for await (const chunk of answer.body)
      if (!response.write(chunk))
        await new Promise((resolve) => (response.once("drain", resolve), response.once("close", resolve)));
    response.end();
  } catch (error) {
    if (gone.signal.aborted) return; // the reader has gone; nobody is left to be answered
    if (!(error instanceof StatusError) || response.headersSent) throw error;
    begin(response, error.status.code ?? 500, { "content-type": "application/json" });
    response.end(JSON.stringify(error.status));
  }
}

function begin(response: ServerResponse, status: number, headers: Readonly<Record<string, string>>): void {
  response.writeHead(
    status,
    Object.fromEntries(Object.entries(headers).filter(([name]) => !notPassedBack.has(name) && !name.startsWith(":"))),
  );
}

function refuse(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { "content-type": "text/plain" }).end(text);
}
