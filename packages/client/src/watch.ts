// A watch: lines of JSON in, typed events out. Pull-based: a slow reader slows the server, nothing piles up here.
import { StatusError } from "@coxswain/apimachinery";
import type { Status, WatchEvent } from "@coxswain/apimachinery";
import { ClientError } from "./errors.ts";

/** A longer line means that this is not a watch; objects are limited to about 1.5 MB by the store. */
const longestLineBytes = 64 * 1024 * 1024;

/** Decodes a watch's body. Throws a StatusError for an ERROR event; whatever follows it is not read. */
export async function* watchEvents<T>(body: AsyncIterable<Uint8Array>): AsyncGenerator<WatchEvent<T>> {
  for await (const line of lines(body)) {
    const event = parseEvent<T>(line);
    if (event.type === "ERROR") throw new StatusError(event.object as Status);
    yield event;
  }
}

/** Splits bytes at line feeds; an unfinished last line is dropped, because the object in it is torn. */
export async function* lines(body: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  let pending: Uint8Array[] = [];
  let pendingBytes = 0;
  for await (const chunk of body) {
    let start = 0;
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, start)) {
      const tail = chunk.subarray(start, end);
      const line = pending.length === 0 ? tail : Buffer.concat([...pending, tail]);
      pending = [];
      pendingBytes = 0;
      start = end + 1;
      if (line.length > 0) yield Buffer.from(line.buffer, line.byteOffset, line.byteLength).toString("utf8");
    }
    if (start < chunk.length) {
      pending.push(chunk.subarray(start));
      pendingBytes += chunk.length - start;
      if (pendingBytes > longestLineBytes) {
        throw new ClientError(
          "response-invalid",
          `a watch sent more than ${longestLineBytes} bytes without a line end`,
        );
      }
    }
  }
}

function parseEvent<T>(line: string): WatchEvent<T> {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (cause) {
    throw new ClientError("response-invalid", `a watch sent a line that is not JSON: ${line.slice(0, 80)}`, { cause });
  }
  if (typeof value !== "object" || value === null || !("type" in value) || !("object" in value)) {
    throw new ClientError("response-invalid", `a watch sent a line that is not an event: ${line.slice(0, 80)}`);
  }
  return value as WatchEvent<T>;
}
