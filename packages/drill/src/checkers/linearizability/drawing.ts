// Draws a few operations as intervals over time, one line each, with what was asked and what came back. It decides nothing.
import type { KeyValue, Response, TxnOperation, TxnOperationResponse } from "../../history.ts";
import { describeKey } from "./key-state.ts";
import type { StoreState } from "./model.ts";
import type { Judged } from "./operations.ts";

/**
 *     before: a = "1" (mod 2, version 1)
 *     client 1 m1  ├───┤      put a = "2"   → revision 3
 *     client 2 m2     ├──┤    get a         → "1" (mod 2, version 1) at revision 3      ✗
 */
export function drawOperations(
  operations: readonly Judged[],
  before: StoreState | undefined,
  culprit: Judged | undefined,
): string {
  const sorted = operations.toSorted((a, b) => drawnStart(a) - drawnStart(b));
  const columns = new Map(
    [...new Set(sorted.flatMap((each) => [drawnStart(each), drawnEnd(each)]))]
      .sort((a, b) => a - b)
      .map((moment, rank): [number, number] => [moment, rank * 2]),
  );
  const width = Math.max(0, ...columns.values()) + 1;
  const rows = sorted.map((each) => ({
    who:
      "lease" in each.source
        ? "the store"
        : `client ${each.source.client}${each.source.member === undefined ? "" : ` ${each.source.member}`}`,
    bar: bar(columns.get(drawnStart(each)) ?? 0, columns.get(drawnEnd(each)) ?? 0, each, width),
    what: describeRequest(each.op.request),
    result: `→ ${describeOutcome(each)}`,
    mark: each === culprit ? "  ✗" : "",
  }));
  const pad = (pick: (row: (typeof rows)[number]) => string): number =>
    Math.max(0, ...rows.map((row) => pick(row).length));
  const [who, what] = [
    pad((row) => row.who),
    Math.min(
      60,
      pad((row) => row.what),
    ),
  ];
  return [
    ...(before === undefined ? [] : [`before: ${describeState(before)}`]),
    ...rows.map((row) =>
      `${row.who.padEnd(who)}  ${row.bar}  ${row.what.padEnd(what)}  ${row.result}${row.mark}`.trimEnd(),
    ),
  ].join("\n");
}

function drawnStart({ source, start }: Judged): number {
  return "lease" in source ? start : source.start;
}

/** An unknown outcome is drawn open-ended, from where the client gave up. */
function drawnEnd({ source, end, start }: Judged): number {
  if (!("lease" in source)) return source.end;
  return Number.isFinite(end) ? end : start;
}

function bar(from: number, to: number, { op, source }: Judged, width: number): string {
  const open = op.response === undefined || "lease" in source;
  if (open) return `${" ".repeat(from)}├${"─".repeat(to - from)}┄`.padEnd(width, "┄");
  return `${" ".repeat(from)}├${"─".repeat(Math.max(0, to - from - 1))}┤`.padEnd(width);
}

export function describeState(state: StoreState): string {
  if (state.keys.size === 0) return "an empty store";
  return [...state.keys].map(([key, value]) => `${key} = ${describeKey(value)}`).join(", ");
}

export function describeRequest(request: Judged["op"]["request"]): string {
  switch (request.kind) {
    case "txn": {
      const compares = request.compares
        .map((each) => `${each.target}(${each.key}) ${each.result} ${each.operand}`)
        .join(" and ");
      return `if ${compares || "true"} then ${branch(request.success)} else ${branch(request.failure)}`;
    }
    case "compact":
      return `compact ${request.revision}`;
    case "grant":
      return `grant lease ${request.lease} for ${request.ttlSeconds} s`;
    case "revoke":
      return `revoke lease ${request.lease}`;
    case "keepAlive":
      return `renew lease ${request.lease}`;
    case "expire":
      return `lease ${request.lease} runs out`;
    default:
      return describeOperation(request);
  }
}

function branch(operations: readonly TxnOperation[]): string {
  return operations.length === 0 ? "nothing" : operations.map(describeOperation).join(", ");
}

function describeOperation(request: TxnOperation): string {
  const range =
    request.kind === "put" || request.rangeEnd === undefined ? request.key : `[${request.key}, ${request.rangeEnd})`;
  if (request.kind === "put")
    return `put ${range} = "${request.value}"${request.lease === undefined ? "" : ` lease ${request.lease}`}`;
  if (request.kind === "delete") return `delete ${range}`;
  const more = [
    request.serializable === true ? " serializable" : "",
    request.revision === undefined ? "" : ` at ${request.revision}`,
    request.limit === undefined ? "" : ` limit ${request.limit}`,
  ];
  return `${request.countOnly === true ? "count" : "get"} ${range}${more.join("")}`;
}

function describeOutcome({ op, source }: Judged): string {
  if (op.response !== undefined) return `${describeResponse(op.response)}`;
  if (op.madeRevision !== undefined) return `nobody was told, but it made revision ${op.madeRevision}`;
  return "lease" in source ? "at an unknown time" : "unknown outcome";
}

export function describeResponse(response: Response): string {
  const at = `at revision ${response.revision}`;
  switch (response.kind) {
    case "put":
    case "compact":
    case "grant":
    case "revoke":
      return at;
    case "keepAlive":
      return response.ttlSeconds > 0 ? `${response.ttlSeconds} s ${at}` : `no such lease ${at}`;
    case "txn":
      return `${response.succeeded ? "then" : "else"}: ${response.responses.map(describePart).join(", ") || "nothing"} ${at}`;
    default:
      return `${describePart(response)} ${at}`;
  }
}

function describePart(part: TxnOperationResponse): string {
  if (part.kind === "put") return "put";
  if (part.kind === "delete") return `${part.deleted} deleted`;
  if (part.kvs.length === 0) return part.count === 0 ? "nothing" : `${part.count} keys`;
  return part.kvs.map(describeKeyValue).join(", ");
}

export function describeKeyValue(kv: KeyValue): string {
  const state = {
    value: kv.value,
    create: kv.createRevision,
    mod: kv.modRevision,
    version: kv.version,
    lease: kv.lease,
  };
  return `${kv.key} = ${describeKey(state)}`;
}
