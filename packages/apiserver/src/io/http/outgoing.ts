// Writes a reply in the form the client takes: kept bytes as they are, tables and metadata made on the way, YAML and gzip
// on request. Long answers go out in pieces, as fast as the client reads.
import type { ServerResponse } from "node:http";
import type { Http2ServerResponse } from "node:http2";
import type { Writable } from "node:stream";
import { promisify } from "node:util";
import { constants, createGzip, gzip } from "node:zlib";
import type { ApiObject } from "@coxswain/apimachinery";
import { renderYaml } from "../../core/body/yaml.ts";
import { encodeObject } from "../../core/registry/encoding.ts";
import type { Kind } from "../../core/registry/kind.ts";
import type { Representation } from "../../core/tables/accept.ts";
import { includeObjectOf, partialListOf, partialOf, tableOf } from "../../core/tables/table.ts";
import type { Answer } from "../../verbs/parts.ts";

export type RawResponse = ServerResponse | Http2ServerResponse;

/** Answers from this size on are compressed when the client agrees, as kube-apiserver does. */
const gzipFromBytes = 128 * 1024;
/** Pieces of a list. */
const chunkBytes = 256 * 1024;
const gzipAsync = promisify(gzip);

export interface Sending {
  readonly representation: Representation;
  readonly query: URLSearchParams;
  readonly acceptsGzip: boolean;
  readonly warnings: Iterable<string>;
  readonly nowMs: number;
}

type ObjectAnswer = Extract<Answer, { type: "object" | "encoded" | "status" }>;
type ListAnswer = Extract<Answer, { type: "list" }>;

export async function sendObject(response: RawResponse, answer: ObjectAnswer, sending: Sending): Promise<void> {
  const { representation } = sending;
  const plain = representation.as === "object" && representation.format === "json" && !representation.pretty;
  if (plain && answer.type === "encoded")
    return sendBytes(response, answer.code, representation.mediaType, answer.bytes, sending);
  await sendBytes(
    response,
    answer.code,
    representation.mediaType,
    render(valueOf(answer, sending), representation),
    sending,
  );
}

function valueOf(answer: ObjectAnswer, { representation, query, nowMs }: Sending): object {
  if (answer.type === "status") return answer.status;
  const object = answer.type === "encoded" ? answer.object() : answer.object;
  if (answer.kind === undefined || representation.as === "object") return object;
  if (representation.as === "partial") return partialOf(object);
  return tableOf(
    answer.kind,
    [object],
    { resourceVersion: object.metadata.resourceVersion },
    includeObjectOf(query),
    nowMs,
  );
}

export function render(value: object, { format, pretty }: Representation): Buffer {
  if (format === "yaml") return Buffer.from(renderYaml(value));
  if (pretty) return Buffer.from(`${JSON.stringify(value, null, 2)}\n`);
  return isObject(value) ? encodeObject(value) : Buffer.from(JSON.stringify(value));
}

function isObject(value: object): value is ApiObject {
  return "metadata" in value && "kind" in value && "apiVersion" in value && !("items" in value) && !("rows" in value);
}

export async function sendList(response: RawResponse, answer: ListAnswer, sending: Sending): Promise<void> {
  const { representation, query, nowMs } = sending;
  const { kind, metadata, items } = answer;
  if (representation.as === "object" && representation.format === "json" && !representation.pretty)
    return streamList(response, answer, sending);
  const objects = items.map((item) => item.object());
  const value =
    representation.as === "table"
      ? tableOf(kind, objects, metadata, includeObjectOf(query), nowMs)
      : representation.as === "partial"
        ? partialListOf(objects, metadata)
        : listValue(kind, metadata, objects);
  await sendBytes(
    response,
    200,
    representation.mediaType,
    Buffer.from(
      representation.format === "yaml" ? renderYaml(value) : JSON.stringify(value, null, representation.pretty ? 2 : 0),
    ),
    sending,
  );
}

function listValue(kind: Kind, metadata: object, objects: readonly ApiObject[]): object {
  const items = objects.map(({ kind: _kind, apiVersion: _apiVersion, ...rest }) => rest);
  return { kind: `${kind.kind}List`, apiVersion: kind.apiVersion, metadata, items };
}

/** Kept bytes behind each other; nothing is decoded. */
async function streamList(
  response: RawResponse,
  { kind, metadata, items }: ListAnswer,
  sending: Sending,
): Promise<void> {
  const head = `{"kind":"${kind.kind}List","apiVersion":"${kind.apiVersion}","metadata":${JSON.stringify(metadata)},"items":[`;
  const size = items.reduce((sum, { tail }) => sum + tail.length + 2, head.length + 4);
  if (size <= chunkBytes) {
    const parts: Buffer[] = [Buffer.from(head)];
    for (const { tail } of items) parts.push(parts.length === 1 ? opening : following, tail);
    parts.push(ending);
    return sendBytes(response, 200, "application/json", Buffer.concat(parts), sending);
  }
  const compressed = sending.acceptsGzip;
  writeHead(
    response,
    200,
    "application/json",
    compressed ? { "content-encoding": "gzip", vary: "Accept-Encoding" } : {},
    sending.warnings,
  );
  const zip = compressed ? createGzip({ level: constants.Z_BEST_SPEED }) : undefined;
  if (zip) zip.pipe(response as Writable);
  const target: Writable = zip ?? (response as Writable);
  let pending: Buffer[] = [Buffer.from(head)];
  let pendingBytes = head.length;
  for (const [at, { tail }] of items.entries()) {
    pending.push(at === 0 ? opening : following, tail);
    pendingBytes += tail.length + 2;
    if (pendingBytes < chunkBytes) continue;
    if (!target.write(Buffer.concat(pending)) && !(await drained(target, response))) return;
    pending = [];
    pendingBytes = 0;
  }
  pending.push(ending);
  target.end(Buffer.concat(pending));
}

const opening = Buffer.from("{");
const following = Buffer.from(",{");
const ending = Buffer.from("]}\n");

/** False when the client has gone. */
function drained(target: Writable, response: RawResponse): Promise<boolean> {
  return new Promise((resolve) => {
    const done = (alive: boolean) => (): void => {
      target.off("drain", onDrain);
      response.off("close", onClose);
      resolve(alive);
    };
    const onDrain = done(true);
    const onClose = done(false);
    target.once("drain", onDrain);
    response.once("close", onClose);
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
  response.end(body);
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
  // The two responses agree on this call, but their types do not.
  if ("stream" in response) response.writeHead(code, all);
  else response.writeHead(code, all);
}
