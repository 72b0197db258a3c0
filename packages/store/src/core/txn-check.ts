// What etcd checks of a transaction before it is proposed: not too many operations, every key named, and no key written twice on a path
// that may be taken. After etcd's server/etcdserver/api/v3rpc/key.go (checkTxnRequest, checkIntervals).
import type { RequestOp, TxnRequest } from "@coxswain/etcd-api";

export type TxnFault =
  "tooManyOps" | "emptyKey" | "duplicateKey" | "valueProvided" | "leaseProvided" | "invalidSortOption" | "keyNotFound";

export function checkTxn(request: TxnRequest, maxOps: number): TxnFault | undefined {
  return checkOperations(request, maxOps) ?? checkBranch(request.success).fault ?? checkBranch(request.failure).fault;
}

function checkOperations(request: TxnRequest, maxOps: number): TxnFault | undefined {
  const most = Math.max(request.compare.length, request.success.length, request.failure.length);
  if (most > maxOps) return "tooManyOps";
  if (request.compare.some((compare) => compare.key.length === 0)) return "emptyKey";
  for (const operation of [...request.success, ...request.failure]) {
    const fault = checkOperation(operation, maxOps - most);
    if (fault) return fault;
  }
  return undefined;
}

function checkOperation(operation: RequestOp, maxOps: number): TxnFault | undefined {
  const { requestRange, requestPut, requestDeleteRange, requestTxn } = operation;
  if (requestRange) {
    if (requestRange.key.length === 0) return "emptyKey";
    return requestRange.sortOrder === "UNRECOGNIZED" || requestRange.sortTarget === "UNRECOGNIZED"
      ? "invalidSortOption"
      : undefined;
  }
  if (requestPut) {
    if (requestPut.key.length === 0) return "emptyKey";
    if (requestPut.ignoreValue && requestPut.value.length > 0) return "valueProvided";
    return requestPut.ignoreLease && requestPut.lease !== 0n ? "leaseProvided" : undefined;
  }
  if (requestDeleteRange) return requestDeleteRange.key.length === 0 ? "emptyKey" : undefined;
  // An operation that is none: etcd says so in these words.
  return requestTxn ? checkOperations(requestTxn, maxOps) : "keyNotFound";
}

interface Writes {
  readonly puts: ReadonlySet<string>;
  readonly deletes: readonly Interval[];
  readonly fault?: TxnFault;
}

/** Keys as latin1, which order as their bytes; without an end, everything from the start on. */
interface Interval {
  readonly start: string;
  readonly end: string | undefined;
}

function checkBranch(operations: readonly RequestOp[]): Writes {
  const puts = new Set<string>();
  const deletes: Interval[] = operations.flatMap(({ requestDeleteRange: request }) =>
    request ? [intervalOf(request.key, request.rangeEnd)] : [],
  );
  const duplicate: Writes = { puts, deletes, fault: "duplicateKey" };
  const deleted = (key: string): boolean =>
    deletes.some(({ start, end }) => key >= start && (end === undefined || key < end));
  for (const { requestTxn } of operations) {
    if (!requestTxn) continue;
    const taken = checkBranch(requestTxn.success);
    const otherwise = checkBranch(requestTxn.failure);
    if (taken.fault || otherwise.fault) return duplicate;
    for (const key of taken.puts) {
      if (puts.has(key) || deleted(key)) return duplicate;
      puts.add(key);
    }
    for (const key of otherwise.puts) {
      // Only one of the two branches is taken: the same key may be in both.
      if ((puts.has(key) && !taken.puts.has(key)) || deleted(key)) return duplicate;
      puts.add(key);
    }
    deletes.push(...taken.deletes, ...otherwise.deletes);
  }
  for (const { requestPut } of operations) {
    if (!requestPut) continue;
    const key = requestPut.key.toString("latin1");
    if (puts.has(key) || deleted(key)) return duplicate;
    puts.add(key);
  }
  return { puts, deletes };
}

function intervalOf(key: Buffer, rangeEnd: Buffer): Interval {
  const start = key.toString("latin1");
  if (rangeEnd.length === 0) return { start, end: `${start}\0` };
  return { start, end: rangeEnd.length === 1 && rangeEnd[0] === 0 ? undefined : rangeEnd.toString("latin1") };
}
