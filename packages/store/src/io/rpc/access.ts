// Who may call what, at the door: finds the caller once for a call, and asks for permission of what is read here. What is written is
// asked again when it is applied (core/auth/access.ts). While authentication is off, all of this costs one look at a flag.
import { GrpcError } from "@coxswain/etcd-api";
import type { Call, TxnRequest, WatchCreateRequest } from "@coxswain/etcd-api";
import { refuseLease, refuseTxn } from "../../core/auth/access.ts";
import { refuseAdmin, refuseKeys } from "../../core/auth/permissions.ts";
import type { AccessRefusal } from "../../core/auth/permissions.ts";
import type { CommandInit, CommandKind } from "../../core/command.ts";
import { etcdError } from "./errors.ts";
import type { Served } from "./ports.ts";

/** `anyone`: the method itself asks for permission. `user`: somebody the store knows. `root`: only root's role. */
export type Admission = "anyone" | "user" | "root";

/** Runs `serve` on behalf of the caller. Stays synchronous while authentication is off. */
export function admitted<T>(
  served: Served,
  call: Pick<Call, "metadata" | "peer">,
  admission: Admission,
  serve: (served: Served) => T | Promise<T>,
): T | Promise<T> {
  if (!served.auth().enabled) {
    const answer = serve(served);
    return answer instanceof Promise
      ? answer.catch((error: unknown) => retried(served, call, admission, serve, error))
      : answer;
  }
  return onBehalfOfCaller(served, call).then((known) => {
    const refused = admission === "root" ? refuseAdmin(known.auth(), known.caller) : undefined;
    if (refused) throw etcdError(refused);
    if (admission === "user" && known.auth().enabled && !known.caller) throw etcdError("userEmpty");
    return serve(known);
  });
}

/**
 * This member may have learned only while serving that authentication is on. Then nobody was asked who they are, and the request was
 * refused for that, without effect.
 */
function retried<T>(
  served: Served,
  call: Pick<Call, "metadata" | "peer">,
  admission: Admission,
  serve: (served: Served) => T | Promise<T>,
  error: unknown,
): T | Promise<T> {
  if (!served.auth().enabled || !(error instanceof GrpcError) || error.details !== etcdError("userEmpty").details)
    throw error;
  return admitted(served, call, admission, serve);
}

/** The same store, with the caller as the one on whose behalf things are asked and proposed. */
export async function onBehalfOfCaller(served: Served, call: Pick<Call, "metadata" | "peer">): Promise<Served> {
  if (!served.auth().enabled) return served;
  const caller = await served.identity.callerOf(call);
  return {
    ...served,
    caller,
    propose: <K extends CommandKind>(command: Extract<CommandInit, { kind: K }>) => served.propose<K>(command, caller),
  };
}

export function permitRead(served: Served, key: Buffer, rangeEnd: Buffer): void {
  refuse(refuseKeys(served.auth(), served.caller, "read", key, rangeEnd));
}

export function permitTxn(served: Served, request: TxnRequest): void {
  const auth = served.auth();
  if (auth.enabled) refuse(refuseTxn({ auth, mvcc: served.mvcc() }, request, served.caller));
}

export function permitLease(served: Served, id: bigint, what: "read" | "write"): void {
  const auth = served.auth();
  if (!auth.enabled) return;
  if (!served.caller) throw etcdError("userEmpty");
  refuse(refuseLease({ auth, mvcc: served.mvcc() }, id, served.caller, what));
}

/** A watch that may not be is an answer on its stream, which lives on. etcd says it as Go prints a status. */
export async function refuseWatch(
  served: Served,
  call: Pick<Call, "metadata" | "peer">,
  request: WatchCreateRequest,
): Promise<string | undefined> {
  if (!served.auth().enabled) return undefined;
  try {
    const known = await onBehalfOfCaller(served, call);
    permitRead(known, request.key.length === 0 ? Buffer.alloc(1) : request.key, request.rangeEnd);
    return undefined;
  } catch (error) {
    if (!(error instanceof GrpcError)) throw error;
    const shown = told.has(error.details) ? error : etcdError("permissionDenied");
    return `rpc error: code = ${codeNames[shown.code]} desc = ${shown.details}`;
  }
}

const told = new Set(
  (["invalidAuthToken", "authOldRevision", "userEmpty"] as const).map((name) => etcdError(name).details),
);
const codeNames: Readonly<Record<number, string>> = {
  3: "InvalidArgument",
  7: "PermissionDenied",
  16: "Unauthenticated",
};

function refuse(refused: AccessRefusal | undefined): void {
  if (refused) throw etcdError(refused);
}
