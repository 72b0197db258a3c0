// Writes a reply in the form the client takes: kept bytes as they are, tables and metadata made on the way, YAML and gzip
// on request. Long answers go out in pieces, as fast as the client reads.
import type { Writable } from "node:stream";
import { promisify } from "node:util";
import { constants, createGzip, gzip } from "node:zlib";
import type { ApiObject } from "@coxswain/apimachinery";
import { writeProtobuf } from "../../core/body/protobuf-writer.ts";
import type { Typed } from "../../core/body/protobuf-writer.ts";
import { renderYaml } from "../../core/body/yaml.ts";
import { encodeObject } from "../../core/registry/encoding.ts";
import type { Representation } from "../../core/tables/accept.ts";
import { includeObjectOf, partialOf, tableOf } from "../../core/tables/table.ts";
import type { Answer } from "../../verbs/parts.ts";
import { listForm } from "./list-form.ts";
import { protobufList } from "./protobuf-list.ts";

/** What a ServerResponse of Node and a StreamAnswer have in common. */
export interface RawResponse extends Writable {
  statusCode: number;
  readonly headersSent: boolean;
  setHeader(name: string, value: string | readonly string[]): unknown;
  writeHead(code: number, headers: Record<string, string | string[]>): unknown;
  /** Sends status and headers before there is a body. */
  flushHeaders(): void;
  /** Ends with all of the body, where that can be done for less than by writing it. */
  endWith?(body: Buffer): void;
}

/** Answers from this size on are compressed when the client agrees, as kube-apiserver does. */
const gzipFromBytes = 128 * 1024;
/** Pieces of a list. */
const chunkBytes = 256 * 1024;
const gzipAsync = promisify(gzip);
const lineEnd = Buffer.from("\n");

export interface Sending {
  readonly representation: Representation;
  readonly query: URLSearchParams;
  readonly acceptsGzip: boolean;
  readonly warnings: Iterable<string>;
  readonly nowMs: number;
  /** Aborted when the client has gone. */
  readonly signal: AbortSignal;
}

type ObjectAnswer = Extract<Answer, { type: "object" | "encoded" | "status" }>;
type ListAnswer = Extract<Answer, { type: "list" }>;

export async function sendObject(response: RawResponse, answer: ObjectAnswer, sending: Sending): Promise<void> {
  const { representation } = sending;
  const plain = representation.as === "object" && representation.format === "json" && !representation.pretty;
  if (plain && answer.type === "encoded")
    return sendBytes(response, answer.code, representation.mediaType, Buffer.concat([answer.bytes, lineEnd]), sending);
  await sendBytes(
    response,
    answer.code,
    representation.mediaType,
    render(valueOf(answer, sending), representation),
    sending,
  );
}

/** The one subresource that has a table of its own. */
const scaleType = { group: "autoscaling", version: "v1", kind: "Scale" };

function valueOf(answer: ObjectAnswer, { representation, query, nowMs }: Sending): Typed {
  if (answer.type === "status") return answer.status as Typed;
  const object = answer.type === "encoded" ? answer.object() : answer.object;
  const type = answer.kind ?? (object.kind === "Scale" ? scaleType : undefined);
  if (type === undefined || representation.as === "object") return object;
  const { as, meta } = representation;
  if (as === "partial") return partialOf(object, meta);
  const { resourceVersion } = object.metadata;
  return tableOf(type, [object], { resourceVersion }, includeObjectOf(query), nowMs, true, meta);
}

/** JSON ends with the line, as Go's encoder leaves it; where it is indented it does not. */
export function render(value: Typed, { format, pretty }: Representation): Buffer {
  if (format === "protobuf") return writeProtobuf(value);
  if (format === "yaml") return Buffer.from(renderYaml(value));
  if (pretty) return Buffer.from(JSON.stringify(value, null, 2));
  return isObject(value) ? Buffer.concat([encodeObject(value), lineEnd]) : Buffer.from(`${JSON.stringify(value)}\n`);
}

function isObject(value: Typed): value is ApiObject {
  return "metadata" in value && "kind" in value && "apiVersion" in value && !("items" in value) && !("rows" in value);
}

/** In pieces, as fast as the client reads: a long list is never whole in memory, and holds nobody else up. */
export async function sendList(response: RawResponse, answer: ListAnswer, sending: Sending): Promise<void> {
  const { representation, query, nowMs, acceptsGzip, warnings } = sending;
  const form =
    representation.format === "protobuf"
      ? await protobufList(answer, representation, () => turn(sending.signal))
      : listForm(answer, representation, query, nowMs);
  if (!form) return;
  let target: Writable | undefined;
  const begin = (): Writable => {
    const encoded = acceptsGzip ? { "content-encoding": "gzip", vary: "Accept-Encoding" } : {};
    writeHead(response, 200, representation.mediaType, encoded, warnings);
    if (!acceptsGzip) return response;
    const zip = createGzip({ level: constants.Z_BEST_SPEED });
    zip.pipe(response);
    return zip;
  };
  let pending: Buffer[] = [form.begin];
  let pendingBytes = form.begin.length;
  for (const [at, item] of answer.items.entries()) {
    const from = pending.length;
    form.push(item, at === 0, pending);
    for (let index = from; index < pending.length; index += 1) pendingBytes += pending[index]?.length ?? 0;
    if (pendingBytes < chunkBytes) continue;
    target ??= begin();
    const mayGoOn = target.write(Buffer.concat(pending, pendingBytes));
    pending = [];
    pendingBytes = 0;
    if (!(await (mayGoOn ? turn(sending.signal) : drained(target, sending.signal)))) return;
  }
  pending.push(form.end(answer.items.length === 0));
  const rest = Buffer.concat(pending);
  if (!target) return sendBytes(response, 200, representation.mediaType, rest, sending);
  target.end(rest);
}

/** Lets others have their turn; false when the client has gone. */
function turn(signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => void setImmediate(() => resolve(!signal.aborted)));
}

/** Waits until there is room again; false when the client has gone. */
function drained(target: Writable, signal: AbortSignal): Promise<boolean> {
  if (signal.aborted) return Promise.resolve(false);
  return new Promise((resolve) => {
    const done = (): void => {
      target.off("drain", done);
      signal.removeEventListener("abort", done);
      resolve(!signal.aborted);
    };
    target.once("drain", done);
    signal.addEventListener("abort", done, { once: true });
  });
}

export async function sendBytes(
  response: RawResponse,
  code: number,
  contentType: string,
  body: Buffer,
  sending: { readonly acceptsGzip: boolean; readonly warnings: Iterable<string> },
  headers: Record<string, string> = {},
): Promise<void> {
  if (sending.acceptsGzip && body.length >= gzipFromBytes) {
    const compressed = await gzipAsync(body, { level: constants.Z_BEST_SPEED });
    writeHead(
      response,
      code,
      contentType,
      { ...headers, "content-encoding": "gzip", vary: "Accept-Encoding", "content-length": String(compressed.length) },
      sending.warnings,
    );
    response.end(compressed);
    return;
  }
  writeHead(response, code, contentType, { ...headers, "content-length": String(body.length) }, sending.warnings);
  if (response.endWith) response.endWith(body);
  else response.end(body);
}

export function writeHead(
  response: RawResponse,
  code: number,
  contentType: string,
  headers: Record<string, string>,
  warnings: Iterable<string>,
): void {
  const agents = [...warnings].map((text) => `299 - ${JSON.stringify(text.replace(/[^\x20-\x7e]/g, "?"))}`);
  const all: Record<string, string | string[]> = {
    "cache-control": "no-cache, private",
    "content-type": contentType,
    ...headers,
    ...(agents.length > 0 && { warning: agents }),
  };
  response.writeHead(code, all);
}
