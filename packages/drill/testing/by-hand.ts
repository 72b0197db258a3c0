// Writes a history by hand, one line an operation, in the order of their starts. Times are positions in the text:
//
//   client 1   "|--put--|      "
//   client 2   "    |--get--|  "
import type { History, KeyValue, Operation, Outcome, Request, Response } from "../src/history.ts";

/** `[bar, request, outcome]`: the bar's first and last sign are start and end; a bar that ends in "~" has an unknown outcome. */
export type Line = readonly [bar: string, request: Request, response?: Response];

export function historyOf(...lines: readonly Line[]): History {
  const operations = lines.map(([bar, request, response], id): Operation => {
    const start = bar.search(/\S/);
    const end = bar.trimEnd().length;
    const outcome: Outcome =
      response === undefined ? { kind: "unknown", reason: "timed out" } : { kind: "ok", response };
    return { id, client: id + 1, start: start * 1000, end: end * 1000, request, outcome };
  });
  return { operations, watches: [] };
}

export function put(key: string, value: string, lease?: string): Request {
  return { kind: "put", key, value, ...(lease === undefined ? {} : { lease }) };
}

export function get(key: string): Request {
  return { kind: "range", key };
}

export function done(revision: number): Response {
  return { kind: "put", revision };
}

/** What a read of one key found: value, mod revision, version and create revision. */
export function found(
  revision: number,
  key: string,
  value: string,
  mod: number,
  version: number = 1,
  create: number = mod,
): Response {
  const kv: KeyValue = { key, value, createRevision: create, modRevision: mod, version };
  return { kind: "range", revision, kvs: [kv], count: 1 };
}

export function nothing(revision: number): Response {
  return { kind: "range", revision, kvs: [], count: 0 };
}
