// Sends a watch: event lines as they come, bookmarks about every minute, an end when its time is over. A reader who does
// not keep up has a bounded queue; beyond it the watch ends, and the client resumes where it was.
import type { Clock, Timer } from "@coxswain/clock";
import { decode } from "@coxswain/apimachinery";
import type { ApiObject } from "@coxswain/apimachinery";
import { writeWatchFrame } from "../../core/body/protobuf-writer.ts";
import type { Typed } from "../../core/body/protobuf-writer.ts";
import { protobufMediaType } from "../../core/body/protobuf.ts";
import type { Kind } from "../../core/registry/kind.ts";
import type { Representation } from "../../core/tables/accept.ts";
import { includeObjectOf, partialOf, tableOf } from "../../core/tables/table.ts";
import type { InitialEvent, WatchEventKind, WatchSink, WatchSource } from "../../verbs/parts.ts";
import { progressOf } from "../../verbs/watch.ts";
import type { FanOut } from "./fan-out.ts";
import type { RawResponse } from "./outgoing.ts";
import { writeHead } from "./outgoing.ts";

export interface WatchLimits {
  /** Bytes a reader may be behind. */
  readonly pendingBytes: number;
  readonly bookmarkMs: number;
}

/** Pieces of what is there when a watch begins. */
const chunkBytes = 256 * 1024;

export const watchLimits: WatchLimits = { pendingBytes: 16 * 1024 * 1024, bookmarkMs: 60_000 };

export interface WatchStreamPorts {
  readonly clock: Clock;
  readonly fanOut: FanOut;
  readonly onEvents: (count: number) => void;
  readonly onTooSlow: () => void;
}

/** Resolves when the watch is over, for whatever reason. */
export function streamWatch(
  response: RawResponse,
  kind: Kind,
  source: WatchSource,
  form: {
    readonly representation: Representation;
    readonly query: URLSearchParams;
    readonly warnings: Iterable<string>;
  },
  signal: AbortSignal,
  ports: WatchStreamPorts,
  limits: WatchLimits = watchLimits,
): Promise<void> {
  const { clock } = ports;
  const { representation, query } = form;
  const { promise, resolve } = Promise.withResolvers<void>();
  let first: Iterator<InitialEvent> | undefined;
  let pending: Buffer[] = [];
  let pendingBytes = 0;
  let events = 0;
  let blocked = false;
  let over = false;
  let stop: (() => void) | undefined;
  let columnsSent = false;
  const timers: Timer[] = [];

  const finish = (): void => {
    if (over) return;
    over = true;
    first = undefined;
    pending = [];
    for (const timer of timers) timer.cancel();
    signal.removeEventListener("abort", finish);
    stop?.();
    response.end();
    resolve();
  };
  const write = (pieces: readonly Buffer[]): void => {
    const chunk = pieces.length === 1 && pieces[0] ? pieces[0] : Buffer.concat(pieces);
    ports.onEvents(events);
    events = 0;
    blocked = !response.write(chunk);
  };
  /** The next piece of what was there when the watch began; the one after it when the reader has taken this. */
  const writeFirst = (): void => {
    const pieces: Buffer[] = [];
    let bytes = 0;
    while (first && bytes < chunkBytes) {
      const { value, done } = first.next();
      if (done) {
        first = undefined;
        break;
      }
      events += 1;
      for (const piece of shapedLine(value)) {
        pieces.push(piece);
        bytes += piece.length;
      }
    }
    if (pieces.length > 0) write(pieces);
  };
  const flush = (): void => {
    if (first && !blocked && !over) {
      writeFirst();
      // Others have their turn between the pieces.
      if (!blocked) setImmediate(flush);
      return;
    }
    if (blocked || over || pending.length === 0) return;
    const pieces = pending;
    pending = [];
    pendingBytes = 0;
    write(pieces);
  };
  const push = (line: Buffer): void => {
    if (over) return;
    pending.push(line);
    pendingBytes += line.length;
    if (pendingBytes > limits.pendingBytes && (blocked || first)) {
      ports.onTooSlow();
      finish();
      // What it has not read by now it may never read: nothing is kept for it.
      response.destroy();
    }
  };
  const { as, format, meta } = representation;
  const include = as === "table" ? includeObjectOf(query) : "None";
  /** Whether events go out as they are kept. */
  const isPlain = as === "object" && format === "json";
  const lineFor = (type: string, object: Typed): Buffer =>
    format === "protobuf" ? writeWatchFrame(type, object) : Buffer.from(`${JSON.stringify({ type, object })}\n`);
  const shape = (object: ApiObject): Typed => {
    if (as === "object") return object;
    if (as === "partial") return partialOf(object, meta);
    const table = tableOf(
      kind,
      [object],
      { resourceVersion: object.metadata.resourceVersion },
      include,
      clock.now(),
      !columnsSent,
      meta,
    );
    columnsSent = true;
    return table;
  };
  const shapedLine = ({ line, object }: InitialEvent): readonly Buffer[] =>
    isPlain ? line() : [lineFor("ADDED", shape(object()))];
  const sink: WatchSink = {
    initial: (initial) => void (first = initial[Symbol.iterator]()),
    event(type: WatchEventKind, line, object, encoded) {
      events += 1;
      if (isPlain) return push(line());
      if (as === "table") return push(lineFor(type, shape(object())));
      const key = `${kind.apiVersion} ${as} ${meta} ${format} ${type}`;
      const known = encoded?.get(key) ?? lineFor(type, shape(object()));
      encoded?.set(key, known);
      push(known);
    },
    bookmark: (revision, initialEventsEnd) =>
      push(lineFor("BOOKMARK", bookmarkOf(kind, representation, revision, initialEventsEnd))),
    flush: () => ports.fanOut.schedule(flush),
    end(status) {
      if (status) push(lineFor("ERROR", status as Typed));
      first = undefined;
      blocked = false;
      flush();
      finish();
    },
  };

  const contentType = format === "protobuf" ? `${protobufMediaType};stream=watch` : "application/json";
  writeHead(response, 200, contentType, {}, form.warnings);
  response.flushHeaders();
  response.on("drain", () => {
    blocked = false;
    flush();
  });
  response.on("close", finish);
  response.on("error", finish);
  signal.addEventListener("abort", finish, { once: true });
  if (signal.aborted) finish();
  stop = source.start(sink);
  // It may have ended while it began.
  if (over) stop();
  flush();
  timers.push(clock.setTimeout(finish, source.timeoutMs));
  if (source.allowBookmarks) remind();
  return promise;

  function remind(): void {
    timers[1] = clock.setTimeout(() => {
      const revision = progressOf(sink);
      if (revision !== undefined && !blocked) {
        sink.bookmark(revision, false);
        flush();
      }
      if (!over) remind();
    }, limits.bookmarkMs);
  }
}

function bookmarkOf(kind: Kind, { as, meta }: Representation, revision: number, initialEventsEnd: boolean): Typed {
  const metadata = {
    resourceVersion: String(revision),
    ...(initialEventsEnd && { annotations: { "k8s.io/initial-events-end": "true" } }),
  };
  const partial = { kind: "PartialObjectMetadata", apiVersion: `meta.k8s.io/${meta}`, metadata };
  // Typed clients insist on what a kind must have, also where nothing is said.
  const whole = { ...decode(kind.schema, {}).value, kind: kind.kind, apiVersion: kind.apiVersion, metadata };
  const table = {
    kind: "Table",
    apiVersion: `meta.k8s.io/${meta}`,
    metadata: { resourceVersion: String(revision) },
    columnDefinitions: null,
    rows: [{ cells: [], object: partial }],
  };
  return { partial, object: whole, table }[as];
}
