// Whether a caller may have a command applied, decided on every member when the entry is applied: only then is it certain which state
// the permission is asked of. After etcd's server/etcdserver/apply/apply_auth.go, with the later corrections (a put inside a
// transaction is asked for its lease and its previous value, too; alarms, compaction and leases ask for somebody).
import type { Mvcc } from "@coxswain/mvcc";
import type { PutRequest, RequestOp, TxnRequest } from "@coxswain/etcd-api";
import type { Command } from "../command.ts";
import { refuseAdmin, refuseKeys } from "./permissions.ts";
import type { AccessRefusal, Caller } from "./permissions.ts";
import type { AuthState } from "./state.ts";

export interface AccessView {
  readonly auth: AuthState;
  readonly mvcc: Mvcc;
}

export function refuseCommand(
  view: AccessView,
  command: Command,
  caller: Caller | undefined,
): AccessRefusal | undefined {
  const { auth } = view;
  if (!auth.enabled) return undefined;
  switch (command.kind) {
    case "put":
      return refusePut(view, command.request, caller);
    case "deleteRange": {
      const { key, rangeEnd, prevKv } = command.request;
      return (
        refuseKeys(auth, caller, "write", key, rangeEnd) ??
        (prevKv ? refuseKeys(auth, caller, "read", key, rangeEnd) : undefined)
      );
    }
    case "txn":
      return refuseTxn(view, command.request, caller);
    case "leaseRevoke":
      return refuseLease(view, command.request.id, caller, "write");
    case "authEnable":
    case "authDisable":
    case "userAdd":
    case "userDelete":
    case "userChangePassword":
    case "userGrantRole":
    case "userRevokeRole":
    case "roleAdd":
    case "roleDelete":
    case "roleGrantPermission":
    case "roleRevokePermission":
      return refuseAdmin(auth, caller);
    // Asked for permission where they come in, since the member itself proposes them, too.
    case "compact":
    case "alarm":
    case "leaseGrant":
    case "leaseRenew":
    case "leaseCheckpoint":
    case "publish":
    case "member":
    case "authenticate":
      return undefined;
  }
}

/** A transaction needs the permission for every comparison and every operation, of the branch that is not taken as well. */
export function refuseTxn(
  view: AccessView,
  request: TxnRequest,
  caller: Caller | undefined,
): AccessRefusal | undefined {
  for (const { key, rangeEnd } of request.compare) {
    const refused = refuseKeys(view.auth, caller, "read", key, rangeEnd);
    if (refused) return refused;
  }
  for (const operation of [...request.success, ...request.failure]) {
    const refused = refuseOperation(view, operation, caller);
    if (refused) return refused;
  }
  return undefined;
}

function refuseOperation(
  view: AccessView,
  { requestRange, requestPut, requestDeleteRange, requestTxn }: RequestOp,
  caller: Caller | undefined,
): AccessRefusal | undefined {
  if (requestRange) return refuseKeys(view.auth, caller, "read", requestRange.key, requestRange.rangeEnd);
  if (requestPut) return refusePut(view, requestPut, caller);
  if (requestDeleteRange) {
    const { key, rangeEnd, prevKv } = requestDeleteRange;
    return (
      (prevKv ? refuseKeys(view.auth, caller, "read", key, rangeEnd) : undefined) ??
      refuseKeys(view.auth, caller, "write", key, rangeEnd)
    );
  }
  return requestTxn ? refuseTxn(view, requestTxn, caller) : undefined;
}

/** Who may not write all keys of a lease may not hang another key on it: they could not revoke it. */
function refusePut(view: AccessView, request: PutRequest, caller: Caller | undefined): AccessRefusal | undefined {
  return (
    refuseKeys(view.auth, caller, "write", request.key, undefined) ??
    refuseLease(view, request.lease, caller, "write") ??
    (request.prevKv ? refuseKeys(view.auth, caller, "read", request.key, undefined) : undefined)
  );
}

/** A lease is as open to a caller as all of its keys are. */
export function refuseLease(
  { auth, mvcc }: AccessView,
  id: bigint,
  caller: Caller | undefined,
  what: "read" | "write",
): AccessRefusal | undefined {
  if (!auth.enabled || refuseAdmin(auth, caller) === undefined) return undefined;
  if (id === 0n || !mvcc.leases.has(id)) return undefined;
  const info = mvcc.leases.info(id, 0);
  if ("refused" in info) return undefined;
  for (const key of info.keys) {
    const refused = refuseKeys(auth, caller, what, Buffer.from(key.buffer, key.byteOffset, key.byteLength), undefined);
    if (refused) return refused;
  }
  return undefined;
}
