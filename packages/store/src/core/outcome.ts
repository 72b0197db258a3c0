// The names of etcd's refusals, and what becomes of a command: an answer or one of those. The texts are in io/rpc/errors.ts.
import type { DeleteRangeAnswer, PutAnswer, Refusal, TxnAnswer } from "@coxswain/mvcc";
import type { AlarmMember } from "@coxswain/etcd-api";
import type { AuthChangeRefusal } from "./auth/change.ts";
import type { AccessRefusal } from "./auth/permissions.ts";
import type { Members } from "./membership.ts";
import type { CommandKind } from "./command.ts";

export type RefusalName =
  | "compacted"
  | "futureRev"
  | "keyNotFound"
  | "leaseNotFound"
  | "leaseExist"
  | "leaseTtlTooLarge"
  | "noSpace"
  | "corrupt"
  | "memberExist"
  | "memberNotFound"
  | "memberNotLearner"
  | "peerUrlExist"
  | "tooManyLearners"
  | "unhealthy"
  | "authNotEnabled"
  | "authFailed"
  | AuthChangeRefusal
  | AccessRefusal;

interface Answers {
  put: PutAnswer;
  deleteRange: DeleteRangeAnswer;
  txn: TxnAnswer;
  compact: { readonly revision: number };
  leaseGrant: { readonly revision: number; readonly ttlSeconds: number };
  leaseRevoke: { readonly revision: number };
  leaseRenew: { readonly revision: number; readonly ttlSeconds: number };
  leaseCheckpoint: { readonly revision: number };
  alarm: { readonly revision: number; readonly alarms: readonly AlarmMember[] };
  publish: { readonly members: Members };
  member: { readonly members: Members };
  authenticate: { readonly revision: number; readonly token: string; readonly authRevision: number };
  authEnable: AuthChanged;
  authDisable: AuthChanged;
  userAdd: AuthChanged;
  userDelete: AuthChanged;
  userChangePassword: AuthChanged;
  userGrantRole: AuthChanged;
  userRevokeRole: AuthChanged;
  roleAdd: AuthChanged;
  roleDelete: AuthChanged;
  roleGrantPermission: AuthChanged;
  roleRevokePermission: AuthChanged;
}
/** A change of users or roles leaves the keyspace's revision alone. */
interface AuthChanged {
  readonly revision: number;
}
export type AnswerOf<K extends CommandKind> = Answers[K];
export type Answer = Answers[CommandKind];
export type Outcome<K extends CommandKind = CommandKind> =
  { readonly answer: AnswerOf<K> } | { readonly refused: RefusalName };

const names: Readonly<Record<Refusal, RefusalName>> = {
  compacted: "compacted",
  "future-revision": "futureRev",
  "key-not-found": "keyNotFound",
  "lease-not-found": "leaseNotFound",
  "lease-exists": "leaseExist",
  "lease-ttl-too-large": "leaseTtlTooLarge",
};

export function refusalName(refusal: Refusal): RefusalName {
  return names[refusal];
}

/** An answer of mvcc as an outcome. */
export function outcomeOf<T extends object>(
  result: T | { readonly refused: Refusal },
): { readonly answer: T } | { readonly refused: RefusalName } {
  return "refused" in result ? { refused: names[result.refused] } : { answer: result as T };
}
