// What a committed command does to the state: the same on every member, from the command alone. `nowMs` and `leads` only set the clocks
// of leases, which are the leader's own affair and not replicated.
import type { Mvcc } from "@coxswain/mvcc";
import type { AlarmMember, Member } from "@coxswain/etcd-api";
import { changeAlarms, isRaised } from "./alarms.ts";
import type { Alarms } from "./alarms.ts";
import { refuseCommand } from "./auth/access.ts";
import { changeAuth } from "./auth/change.ts";
import type { AuthCommand } from "./auth/change.ts";
import type { Caller } from "./auth/permissions.ts";
import type { SimpleTokens } from "./auth/simple-tokens.ts";
import type { AuthState } from "./auth/state.ts";
import type { Command } from "./command.ts";
import { publishMember } from "./membership.ts";
import type { Members } from "./membership.ts";
import { outcomeOf, refusalName } from "./outcome.ts";
import type { Outcome } from "./outcome.ts";
import type { RequestOp, TxnRequest } from "@coxswain/etcd-api";

export interface AppliedState {
  readonly mvcc: Mvcc;
  alarms: Alarms;
  members: Members;
  auth: AuthState;
  readonly tokens: SimpleTokens;
}

/** Of the entry a command came in: where in the log, and on whose behalf. */
export interface AppliedEntry {
  readonly index: number;
  readonly caller: Caller | undefined;
}

export function applyCommand(
  state: AppliedState,
  command: Command,
  nowMs: number,
  leads: boolean,
  entry: AppliedEntry,
): Outcome {
  const { mvcc } = state;
  const refused = refuseCommand(state, command, entry.caller) ?? refuseByAlarm(state.alarms, command);
  if (refused) return { refused };
  switch (command.kind) {
    case "put":
      return outcomeOf(mvcc.put(command.request));
    case "deleteRange":
      return outcomeOf(mvcc.deleteRange(command.request));
    case "txn":
      return outcomeOf(mvcc.txn(command.request));
    case "compact":
      return outcomeOf(mvcc.compact(command.request.revision));
    case "leaseGrant": {
      const granted = mvcc.leases.grant(command.request.id, command.request.ttl, nowMs);
      return outcomeOf("refused" in granted ? granted : { revision: mvcc.revision, ttlSeconds: granted.ttlSeconds });
    }
    case "leaseRevoke":
      return outcomeOf(mvcc.leases.revoke(command.request.id));
    case "leaseRenew": {
      const renewed = leads
        ? mvcc.leases.renew(command.request.id, nowMs)
        : mvcc.leases.info(command.request.id, nowMs);
      if ("refused" in renewed) return { refused: refusalName(renewed.refused) };
      const ttlSeconds = "ttlSeconds" in renewed ? renewed.ttlSeconds : renewed.grantedTtlSeconds;
      mvcc.leases.checkpoint(command.request.id, 0);
      return { answer: { revision: mvcc.revision, ttlSeconds } };
    }
    case "leaseCheckpoint":
      mvcc.leases.checkpoint(command.request.id, command.request.ttl);
      return { answer: { revision: mvcc.revision } };
    case "alarm": {
      const changed = changeAlarms(state.alarms, command.request);
      state.alarms = changed.alarms;
      return { answer: { revision: mvcc.revision, alarms: changed.answered satisfies readonly AlarmMember[] } };
    }
    case "publish":
      state.members = publishMember(state.members, command.request);
      return { answer: { members: state.members } };
    case "member":
      return updatePeerUrls(state, command.request);
    case "authenticate": {
      const { name, simpleToken } = command.request;
      if (!state.auth.enabled) return { refused: "authNotEnabled" };
      if (!state.auth.users.has(name)) return { refused: "authFailed" };
      const token = simpleToken === "" ? "" : `${simpleToken}.${entry.index}`;
      if (token !== "") state.tokens.assign(token, name, nowMs);
      return { answer: { revision: mvcc.revision, token, authRevision: state.auth.revision } };
    }
    default:
      return applyAuth(state, command);
  }
}

function applyAuth(state: AppliedState, command: AuthCommand): Outcome {
  const change = changeAuth(state.auth, command);
  if ("refused" in change) return change;
  state.auth = change.auth;
  if (!change.auth.enabled) state.tokens.clear();
  else if (change.loggedOut !== undefined) state.tokens.logOut(change.loggedOut);
  return { answer: { revision: state.mvcc.revision } };
}

function updatePeerUrls(state: AppliedState, request: Member): Outcome {
  const known = state.members.get(request.id);
  if (!known) return { refused: "memberNotFound" };
  const taken = Array.from(state.members.values()).some(
    (other) => other.id !== request.id && other.peerURLs.some((url) => request.peerURLs.includes(url)),
  );
  if (taken) return { refused: "peerUrlExist" };
  state.members = new Map(state.members).set(request.id, { ...known, peerURLs: request.peerURLs });
  return { answer: { members: state.members } };
}

/** Without space nothing is added, but everything can be taken away; a corrupt cluster changes nothing but its alarms. */
function refuseByAlarm(alarms: Alarms, command: Command): "noSpace" | "corrupt" | undefined {
  if (alarms.length === 0) return undefined;
  const keyspace =
    command.kind === "put" || command.kind === "deleteRange" || command.kind === "txn" || command.kind === "compact";
  if (isRaised(alarms, "CORRUPT") && (keyspace || command.kind === "leaseGrant" || command.kind === "leaseRevoke"))
    return "corrupt";
  if (!isRaised(alarms, "NOSPACE")) return undefined;
  const adds =
    command.kind === "put" || command.kind === "leaseGrant" || (command.kind === "txn" && hasPut(command.request));
  return adds ? "noSpace" : undefined;
}

export function hasPut(request: TxnRequest): boolean {
  const puts = (operation: RequestOp): boolean =>
    operation.requestPut !== undefined || (operation.requestTxn !== undefined && hasPut(operation.requestTxn));
  return request.success.some(puts) || request.failure.some(puts);
}
