// KV.Txn. Transactions that only read do not go through the log, unless they must.
import type { Init, RequestOp, ResponseOp, TxnRequest, TxnResponse } from "@coxswain/etcd-api";
import type { AnswerOp, TxnAnswer } from "@coxswain/mvcc";
import { hasPut } from "../../core/apply.ts";
import { refusalName } from "../../core/outcome.ts";
import { checkTxn } from "../../core/txn-check.ts";
import { permitTxn } from "./access.ts";
import { deleteRangeResponse } from "./delete-range.ts";
import { etcdError } from "./errors.ts";
import type { Served } from "./ports.ts";
import { putResponse } from "./put.ts";
import { rangeResponse } from "./range.ts";

export async function serveTxn(served: Served, request: TxnRequest): Promise<Init<TxnResponse>> {
  const fault = checkTxn(request, served.limits.maxTxnOps);
  if (fault) throw etcdError(fault);
  if (isReadOnly(request)) {
    if (!everyRange(request, (serializable) => serializable)) await served.linearize();
    permitTxn(served, request);
    const answer = served.mvcc().txn(request);
    if ("refused" in answer) throw etcdError(refusalName(answer.refused));
    return txnResponse(served, answer);
  }
  if (hasPut(request)) served.admit(putBytes(request));
  return txnResponse(served, await served.propose<"txn">({ kind: "txn", request }));
}

function txnResponse(served: Served, answer: TxnAnswer): Init<TxnResponse> {
  return {
    header: served.header(answer.revision),
    succeeded: answer.succeeded,
    responses: answer.answers.map((each) => responseOp(served, each)),
  };
}

/** As in etcd, the header of an operation names nothing but its revision, and that of a nested transaction nothing at all. */
function responseOp(served: Served, answer: AnswerOp): Init<ResponseOp> {
  const header = (revision: number): { readonly revision: number } => ({ revision });
  if (answer.range)
    return { responseRange: { ...rangeResponse(served, answer.range), header: header(answer.range.revision) } };
  if (answer.put) return { responsePut: { ...putResponse(served, answer.put), header: header(answer.put.revision) } };
  if (answer.deleteRange) {
    const { deleteRange } = answer;
    return {
      responseDeleteRange: { ...deleteRangeResponse(served, deleteRange), header: header(deleteRange.revision) },
    };
  }
  if (!answer.txn) return {};
  return { responseTxn: { ...txnResponse(served, answer.txn), header: {} } };
}

function operations(request: TxnRequest): readonly RequestOp[] {
  return [...request.success, ...request.failure];
}

function isReadOnly(request: TxnRequest): boolean {
  return operations(request).every(
    ({ requestRange, requestTxn }) =>
      requestRange !== undefined || (requestTxn !== undefined && isReadOnly(requestTxn)),
  );
}

/** etcd answers from the local state only when every range of the transaction may be stale. */
function everyRange(request: TxnRequest, holds: (serializable: boolean) => boolean): boolean {
  return operations(request).every(({ requestRange, requestTxn }) =>
    requestRange ? holds(requestRange.serializable) : requestTxn !== undefined && everyRange(requestTxn, holds),
  );
}

function putBytes(request: TxnRequest): number {
  return operations(request).reduce((sum, { requestPut, requestTxn }) => {
    if (requestPut) return sum + requestPut.key.length + requestPut.value.length;
    return requestTxn ? sum + putBytes(requestTxn) : sum;
  }, 0);
}
