// The connection to one Docker Engine: a bounded keep-alive pool for short calls, a socket of its own for every
// stream, and the one translation of Docker's refusals. It knows no pods.
import type Docker from "dockerode";
import { RuntimeError } from "../errors.ts";
import type { RuntimeErrorCode } from "../errors.ts";
import { DockerClient } from "./library.ts";

// Not imported: the facade of an import evaluates all that node:http has, and so loads the client behind `fetch`, which no daemon uses.
const { Agent } = process.getBuiltinModule("node:http");

export interface Engine {
  /** For calls that answer at once. */
  readonly short: Docker;
  /** For logs, events, exec, attach and pulls, which may last. */
  readonly long: Docker;
  close(): void;
}

/** At most this many short calls are under way; further ones wait in line. */
const poolSize = 16;

/**
 * An agent that shows nothing of itself. The library prints the options of every request for its debug log, to any depth and whether or not
 * anybody reads it; with the sockets and the waiting requests of a busy pool that took four fifths of a node agent's processor.
 */
class Pool extends Agent {
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return "Pool";
  }
}

export function connectEngine(socketPath: string): Engine {
  const agent = new Pool({ keepAlive: true, maxSockets: poolSize, scheduling: "lifo" });
  // The library takes an agent, although its types do not say so.
  const pooled = { socketPath, agent };
  const single = { socketPath, agent: new Pool({ keepAlive: false }) };
  return {
    short: new DockerClient(pooled),
    long: new DockerClient(single),
    close: () => agent.destroy(),
  };
}

/** Runs one call; what Docker refuses comes out as a `RuntimeError`, by default with `code`. */
export async function ask<T>(call: Promise<T>, code: RuntimeErrorCode = "failed", signal?: AbortSignal): Promise<T> {
  try {
    return signal ? await orAborted(call, signal) : await call;
  } catch (error) {
    throw translate(error, code);
  }
}

/** Resolves when it answers. On a connection of its own: the calls that wait for an engine which hangs do not stand before it. */
export async function ping(engine: Engine, signal?: AbortSignal): Promise<void> {
  const request = { path: "/_ping", method: "GET", statusCodes: { 200: true, 500: "server error" }, options: {} };
  try {
    await new Promise<void>((resolve, reject) =>
      engine.long.modem.dial({ ...request, ...(signal ? { abortSignal: signal } : {}) }, (error: unknown) =>
        error ? reject(error as Error) : resolve(),
      ),
    );
  } catch (error) {
    throw translate(error, "failed");
  }
}

/** Like `ask`, but the container's absence is an answer. */
export async function askIfPresent<T>(call: Promise<T>, signal?: AbortSignal): Promise<T | undefined> {
  try {
    return await ask(call, "failed", signal);
  } catch (error) {
    if (error instanceof RuntimeError && error.code === "not-found") return undefined;
    throw error;
  }
}

export function translate(error: unknown, code: RuntimeErrorCode): unknown {
  if (!(error instanceof Error) || error instanceof RuntimeError || error.name === "AbortError") return error;
  const message = reasonOf(error);
  const status = "statusCode" in error ? error.statusCode : undefined;
  if (status === undefined)
    return new RuntimeError("unavailable", `the container runtime does not answer: ${error.message}`, error);
  if (status === 404 && /no such image/i.test(message)) return new RuntimeError("image-not-found", message, error);
  if (code === "pull-failed" || code === "start-failed") return new RuntimeError(code, message, error);
  if (status === 404) return new RuntimeError("not-found", message, error);
  if (status === 409) return new RuntimeError("conflict", message, error);
  return new RuntimeError(code, message, error);
}

/** Docker's own sentence, without the wrapping that the client library puts around it. */
function reasonOf(error: Error): string {
  const json = "json" in error ? error.json : undefined;
  if (typeof json === "object" && json !== null && "message" in json && typeof json.message === "string")
    return json.message.trim();
  return error.message.replace(/^\(HTTP code \d+\) [^-]*- /, "").trim();
}

function orAborted<T>(call: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const abandon = (): void => reject(signal.reason as Error);
  if (signal.aborted) abandon();
  signal.addEventListener("abort", abandon, { once: true });
  call.then(resolve, reject).finally(() => signal.removeEventListener("abort", abandon));
  return promise;
}
