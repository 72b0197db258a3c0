// What a container has said, and what it goes on to say.
import type { Clock } from "@coxswain/clock";
import { RuntimeError } from "../errors.ts";
import type { LogChunk, LogRequest } from "../runtime.ts";
import { ask, translate } from "./engine.ts";
import type { Engine } from "./engine.ts";
import { readFrames } from "./frames.ts";
import { isReadable, readLogFiles } from "./log-file.ts";

const engineRetryMs = 500;

/** From the engine's own file where there is one that we may read, through its API otherwise. */
export async function* readLogs(
  engine: Engine,
  clock: Clock,
  containerId: string,
  request: LogRequest,
  signal: AbortSignal = new AbortController().signal,
): AsyncIterable<LogChunk> {
  const info = await ask(engine.short.getContainer(containerId).inspect());
  const path = "LogPath" in info && typeof info.LogPath === "string" ? info.LogPath : "";
  const isPlain =
    info.HostConfig.LogConfig?.Type === "json-file" && info.HostConfig.LogConfig.Config?.compress !== "true";
  if (!isPlain || path === "" || !(await isReadable(path)))
    return yield* askForLogs(engine, containerId, request, signal);
  // The reader may leave at any moment; nobody then waits for the container's end.
  const reading = new AbortController();
  const living = AbortSignal.any([signal, reading.signal]);
  try {
    yield* readLogFiles(path, request, { clock, ended: () => endOf(engine, clock, containerId, living) }, living);
  } finally {
    reading.abort(new Error("the log has been read"));
  }
}

/** Resolves when the container does not run: the engine has then written all of its output. Never rejects. */
async function endOf(engine: Engine, clock: Clock, containerId: string, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      await ask(engine.long.getContainer(containerId).wait({ condition: "not-running", abortSignal: signal }));
      return;
    } catch (error) {
      if (!(error instanceof RuntimeError) || error.code === "not-found") return;
      // The engine is away, and the container perhaps not.
      await clock.sleep(engineRetryMs, signal).catch(() => undefined);
    }
  }
}

async function* askForLogs(
  engine: Engine,
  containerId: string,
  request: LogRequest,
  signal: AbortSignal,
): AsyncIterable<LogChunk> {
  const options = {
    follow: request.follow,
    stdout: true,
    stderr: true,
    timestamps: request.timestamps,
    ...(request.tailLines === undefined ? {} : { tail: request.tailLines }),
    ...(request.sinceMs === undefined ? {} : { since: request.sinceMs / 1000 }),
  };
  try {
    // The library's own call collects a log that is not followed; it may be as large as the disk.
    const source = await new Promise<unknown>((resolve, reject) => {
      const request = {
        path: `/containers/${containerId}/logs?`,
        method: "GET",
        isStream: true,
        statusCodes: { 200: true, 404: "no such container", 500: "server error" },
        options,
        abortSignal: signal,
      };
      engine.long.modem.dial(request, (error: unknown, answer: unknown) =>
        error ? reject(error as Error) : resolve(answer),
      );
    });
    if (!isByteStream(source))
      throw new RuntimeError("failed", "the engine answered a request for logs without a stream");
    if (!request.tty) yield* readFrames(source, request.timestamps);
    else for await (const bytes of source) yield { stream: "stdout", bytes };
  } catch (error) {
    if (signal.aborted) return;
    throw translate(error, "failed");
  }
}

function isByteStream(source: unknown): source is AsyncIterable<Uint8Array> {
  return typeof source === "object" && source !== null && Symbol.asyncIterator in source;
}
