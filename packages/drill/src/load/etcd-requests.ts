// Requests and responses of a recording, to and from etcd's messages. Values are padded to a length on the way out, and on the way
// back every byte is looked at: what differs from what was written shows up as another value.
import type {
  Compare as EtcdCompare,
  Event,
  Init,
  KeyValue as EtcdKeyValue,
  RangeRequest as EtcdRangeRequest,
  RequestOp,
  TxnRequest as EtcdTxnRequest,
  TxnResponse as EtcdTxnResponse,
} from "@coxswain/etcd-api";
import type { Compare, KeyValue, RangeRequest, TxnOperation, TxnOperationResponse, TxnRequest } from "../history.ts";
import type { WatchEvent } from "../history.ts";

const filler = ".".charCodeAt(0);

/** "17.4#300" becomes 300 bytes that begin with it. */
export function valueBytes(value: string): Buffer {
  const length = Number(value.split("#")[1] ?? 0);
  return Buffer.from(value.padEnd(length, "."), "latin1");
}

/** The other way round; bytes that no value has are told apart by what they are. */
export function valueText(bytes: Buffer): string {
  const end = bytes.indexOf(filler, bytes.indexOf("#"));
  const text = bytes.toString("latin1", 0, end === -1 ? bytes.length : end);
  return valueBytes(text).equals(bytes) ? text : `damaged ${bytes.toString("base64", 0, 64)} (${bytes.length} bytes)`;
}

export function keyText(bytes: Buffer): string {
  return bytes.toString("latin1");
}

export function keyValueOf(kv: EtcdKeyValue): KeyValue {
  return {
    key: keyText(kv.key),
    value: valueText(kv.value),
    createRevision: kv.createRevision,
    modRevision: kv.modRevision,
    version: kv.version,
    ...(kv.lease === 0n ? {} : { lease: String(kv.lease) }),
  };
}

export function watchEventOf(event: Event): WatchEvent {
  const kv = event.kv as EtcdKeyValue;
  const previous = event.prevKv === undefined ? {} : { previous: keyValueOf(event.prevKv) };
  if (event.type === "PUT") return { type: "put", kv: keyValueOf(kv), ...previous };
  const gone: KeyValue = {
    key: keyText(kv.key),
    value: "",
    createRevision: 0,
    modRevision: kv.modRevision,
    version: 0,
  };
  return { type: "delete", kv: gone, ...previous };
}

export function rangeMessage(request: RangeRequest): Init<EtcdRangeRequest> {
  return {
    ...keyRange(request),
    limit: request.limit ?? 0,
    revision: request.revision ?? 0,
    serializable: request.serializable ?? false,
    countOnly: request.countOnly ?? false,
  };
}

export function keyRange({ key, rangeEnd }: { readonly key: string; readonly rangeEnd?: string }): {
  key: Buffer;
  rangeEnd: Buffer;
} {
  return { key: Buffer.from(key, "latin1"), rangeEnd: Buffer.from(rangeEnd ?? "", "latin1") };
}

export function txnMessage(request: TxnRequest): Init<EtcdTxnRequest> {
  return {
    compare: request.compares.map(compareMessage),
    success: request.success.map(operationMessage),
    failure: request.failure.map(operationMessage),
  };
}

const results = { "=": "EQUAL", "!=": "NOT_EQUAL", ">": "GREATER", "<": "LESS" } as const;

function compareMessage(compare: Compare): Init<EtcdCompare> {
  const common = { ...keyRange(compare), result: results[compare.result] };
  switch (compare.target) {
    case "value":
      return { ...common, target: "VALUE", value: valueBytes(compare.operand) };
    case "lease":
      return { ...common, target: "LEASE", lease: BigInt(compare.operand) };
    case "version":
      return { ...common, target: "VERSION", version: compare.operand };
    case "create":
      return { ...common, target: "CREATE", createRevision: compare.operand };
    case "mod":
      return { ...common, target: "MOD", modRevision: compare.operand };
  }
}

function operationMessage(operation: TxnOperation): Init<RequestOp> {
  switch (operation.kind) {
    case "put":
      return { requestPut: putMessage(operation) };
    case "delete":
      return { requestDeleteRange: keyRange(operation) };
    case "range":
      return { requestRange: rangeMessage(operation) };
  }
}

export function putMessage(request: { readonly key: string; readonly value: string; readonly lease?: string }) {
  return {
    key: Buffer.from(request.key, "latin1"),
    value: valueBytes(request.value),
    lease: BigInt(request.lease ?? 0),
  };
}

export function txnParts(response: EtcdTxnResponse): readonly TxnOperationResponse[] {
  return response.responses.map((part): TxnOperationResponse => {
    if (part.responsePut !== undefined) return { kind: "put" };
    if (part.responseDeleteRange !== undefined) return { kind: "delete", deleted: part.responseDeleteRange.deleted };
    const { kvs, count } = part.responseRange ?? { kvs: [], count: 0 };
    return { kind: "range", kvs: kvs.map(keyValueOf), count };
  });
}
