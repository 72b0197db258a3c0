// Runs a lifecycle handler or the action of a probe once: a command in the container, an HTTP request, a connection, or a
// wait. The outcome is a value; what follows from it is decided elsewhere.
import { request as httpsRequest } from "node:https";
import { connect } from "node:net";
import type {
  Container,
  ExecAction,
  GRPCAction,
  HTTPGetAction,
  SleepAction,
  TCPSocketAction,
} from "@coxswain/api/core/v1";
import type { Clock } from "@coxswain/clock";
import { isRuntimeError } from "@coxswain/container-runtime";
import type { ContainerRuntime } from "@coxswain/container-runtime";
import type { ProbeOutcome } from "../../core/probe/probe.ts";
import { messageOf } from "../../errors.ts";
import { checkGrpcHealth } from "./grpc-health.ts";

// Not imported: the facade of an import evaluates all that node:http has, and so loads the client behind `fetch`, which no daemon uses.
const { request: httpRequest } = process.getBuiltinModule("node:http");

export interface HandlerTarget {
  readonly containerId: string;
  readonly container: Container;
  readonly podIP: string;
}

export interface Handler {
  readonly exec?: ExecAction | undefined;
  readonly httpGet?: HTTPGetAction | undefined;
  readonly tcpSocket?: TCPSocketAction | undefined;
  readonly grpc?: GRPCAction | undefined;
  readonly sleep?: SleepAction | undefined;
}

/** The kubelet reads this much of a command's or server's answer. */
const mostAnswerBytes = 10 << 10;
const mostRedirects = 10;

export async function runHandler(
  ports: { readonly runtime: ContainerRuntime; readonly clock: Clock },
  handler: Handler,
  target: HandlerTarget,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<ProbeOutcome> {
  const aborter = new AbortController();
  const timer = ports.clock.setTimeout(
    () => aborter.abort(new Error(`timed out after ${timeoutMs / 1000}s`)),
    timeoutMs,
  );
  const limit = AbortSignal.any([signal, aborter.signal]);
  try {
    if (handler.exec) return await runCommand(ports.runtime, handler.exec.command ?? [], target, limit);
    if (handler.httpGet) return await getHttp(handler.httpGet, target, limit);
    if (handler.tcpSocket) return await openSocket(handler.tcpSocket, target, limit);
    if (handler.grpc) return await checkGrpcHealth(target.podIP, handler.grpc.port, handler.grpc.service ?? "", limit);
    if (handler.sleep) await ports.clock.sleep(handler.sleep.seconds * 1000, limit);
    return { ok: true, message: "" };
  } catch (error) {
    return {
      ok: false,
      isUnknown: !aborter.signal.aborted && saysNothing(error),
      message: aborter.signal.aborted
        ? `command ${JSON.stringify(handler.exec?.command?.join(" ") ?? "")} timed out`.replace('command "" ', "")
        : messageOf(error),
    };
  } finally {
    timer.cancel();
  }
}

async function runCommand(
  runtime: ContainerRuntime,
  command: readonly string[],
  target: HandlerTarget,
  signal: AbortSignal,
): Promise<ProbeOutcome> {
  const session = await runtime.exec(target.containerId, { command, stdin: false, tty: false }, signal);
  const cut = (): void => session.close();
  signal.addEventListener("abort", cut, { once: true });
  try {
    // The engine may have taken all of its time to begin it.
    signal.throwIfAborted();
    let output = "";
    const collect = async (stream: AsyncIterable<Buffer> | undefined): Promise<void> => {
      if (stream) for await (const bytes of stream) output = (output + bytes.toString()).slice(0, mostAnswerBytes);
    };
    await Promise.all([collect(session.stdout), collect(session.stderr)]);
    signal.throwIfAborted();
    const code = await session.exitCode;
    return {
      ok: code === 0,
      message: code === 0 ? output : output || `command ${command.join(" ")} exited with ${code}`,
    };
  } finally {
    signal.removeEventListener("abort", cut);
    session.close();
  }
}

function getHttp(action: HTTPGetAction, target: HandlerTarget, signal: AbortSignal): Promise<ProbeOutcome> {
  const port = portOf(action.port, target.container);
  const protocol = action.scheme === "HTTPS" ? "https:" : "http:";
  const host = action.host || target.podIP;
  const path = action.path ? (action.path.startsWith("/") ? action.path : `/${action.path}`) : "/";
  const given = Object.fromEntries(
    (action.httpHeaders ?? []).map((header) => [header.name.toLowerCase(), header.value]),
  );
  const headers = { "user-agent": "kube-probe/1.36", accept: "*/*", connection: "close", ...given };
  return visit({ protocol, host, port, path }, headers, mostRedirects, signal);
}

interface Place {
  readonly protocol: string;
  readonly host: string;
  readonly port: number;
  readonly path: string;
}

/** Follows redirections on the same host, as the kubelet; one to elsewhere is an answer that is good enough. */
function visit(
  place: Place,
  headers: Readonly<Record<string, string>>,
  redirectsLeft: number,
  signal: AbortSignal,
): Promise<ProbeOutcome> {
  const { protocol, host, port, path } = place;
  const from = `${protocol}//${host.includes(":") ? `[${host}]` : host}:${port}${path}`;
  const options = { host, port, path, method: "GET", signal, agent: false as const, headers };
  const { promise, resolve, reject } = Promise.withResolvers<ProbeOutcome>();
  const request =
    protocol === "https:" ? httpsRequest({ ...options, rejectUnauthorized: false }) : httpRequest(options);
  request.on("response", (response) => {
    const status = response.statusCode ?? 0;
    const next = status >= 300 && status < 400 ? placeAfter(from, response.headers.location) : undefined;
    if (next?.host === host) {
      response.destroy();
      return redirectsLeft > 0
        ? resolve(visit(next, headers, redirectsLeft - 1, signal))
        : resolve({ ok: false, message: `Get ${JSON.stringify(from)}: stopped after ${mostRedirects} redirects` });
    }
    let body = "";
    const done = (): void => {
      if (status < 200 || status >= 400)
        return resolve({ ok: false, message: `HTTP probe failed with statuscode: ${status}` });
      if (status < 300) return resolve({ ok: true, message: "" });
      resolve({ ok: true, isWarning: true, message: `Probe terminated redirects, Response body: ${body}` });
    };
    response.setEncoding("utf8").on("data", (text: string) => {
      body = (body + text).slice(0, mostAnswerBytes);
      if (body.length === mostAnswerBytes) response.destroy();
    });
    response.on("end", done).on("close", done).on("error", done);
  });
  request.on("error", (error) =>
    reject(signal.aborted ? signal.reason : new Error(`Get "${from}": ${dialText(error, host, port)}`)),
  );
  request.end();
  return promise;
}

function placeAfter(from: string, location: string | undefined): Place | undefined {
  if (location === undefined || !URL.canParse(location, from)) return undefined;
  const { protocol, hostname, port, pathname, search } = new URL(location, from);
  if (protocol !== "http:" && protocol !== "https:") return undefined;
  const host = hostname.replace(/^\[(.*)\]$/, "$1");
  return { protocol, host, port: Number(port) || (protocol === "https:" ? 443 : 80), path: `${pathname}${search}` };
}

function openSocket(action: TCPSocketAction, target: HandlerTarget, signal: AbortSignal): Promise<ProbeOutcome> {
  const host = action.host || target.podIP;
  const port = portOf(action.port, target.container);
  const { promise, resolve, reject } = Promise.withResolvers<ProbeOutcome>();
  const socket = connect({ host, port, signal });
  socket.on("connect", () => {
    socket.destroy();
    resolve({ ok: true, message: "" });
  });
  socket.on("error", (error) => reject(signal.aborted ? signal.reason : new Error(dialText(error, host, port))));
  return promise;
}

function portOf(port: number | string, container: Container): number {
  if (typeof port === "number") return port;
  const named = container.ports?.find((candidate) => candidate.name === port)?.containerPort ?? Number(port);
  if (!Number.isInteger(named))
    throw new UnknownPort(`couldn't find port: ${JSON.stringify(port)} in container ${container.name}`);
  return named;
}

class UnknownPort extends Error {}

/** The engine is away, or the port has no number. That a container is paused or has ended is its own state. */
function saysNothing(error: unknown): boolean {
  return error instanceof UnknownPort || (isRuntimeError(error) && error.code !== "conflict");
}

/** Go's sentence for a refused or failed connection, which people search for. */
function dialText(error: Error, host: string, port: number): string {
  const code = "code" in error ? error.code : undefined;
  if (code === "ECONNREFUSED") return `dial tcp ${host}:${port}: connect: connection refused`;
  if (code === "EHOSTUNREACH") return `dial tcp ${host}:${port}: connect: no route to host`;
  return error.message;
}
