// The members of the cluster as the log has made them: ids, names, URLs, who is still learning. Pure; persisted by the applier.
import type { Member } from "@coxswain/etcd-api";
import type { Membership, MembershipChange } from "raft-ts";

export type Members = ReadonlyMap<bigint, Member>;

/** Why a change is refused when it is applied, in the words of io/rpc/errors.ts. */
export type MemberRefusal = "memberExist" | "memberNotFound" | "memberNotLearner" | "peerUrlExist" | "tooManyLearners";

/** Why a change is refused before it is proposed: the group could not go on. */
export type QuorumRefusal = "memberNotEnoughStarted" | "unhealthy";
/** Whether a connection to that member stands; to itself always. */
export type Connected = (id: bigint) => boolean;
/** As etcd: one at a time. */
const mostLearners = 1;

/** Checks a change against what is there now; undefined when it may be made. */
export function refuseChange(
  members: Members,
  removed: ReadonlySet<bigint>,
  change: MembershipChange,
  context: Member,
): MemberRefusal | undefined {
  const known = members.get(context.id);
  const type = change.changes[0]?.type;
  if (type === undefined) return undefined;
  if (type === "remove") return known ? undefined : "memberNotFound";
  if (removed.has(context.id)) return "memberExist";
  if (known)
    return type === "add-voter" && context.peerURLs.length === 0
      ? known.isLearner
        ? undefined
        : "memberNotLearner"
      : "memberExist";
  const used = new Set(Array.from(members.values()).flatMap((member) => member.peerURLs));
  if (context.peerURLs.length === 0) return "memberNotFound";
  if (context.peerURLs.some((url) => used.has(url))) return "peerUrlExist";
  const learners = Array.from(members.values()).filter((member) => member.isLearner);
  return type === "add-learner" && learners.length >= mostLearners ? "tooManyLearners" : undefined;
}

/** etcd's strict check before a member is added: a voter must not take the majority from those that are there. */
export function judgeAddition(members: Members, isLearner: boolean, connected: Connected): QuorumRefusal | undefined {
  const voters = votersOf(members);
  const started = voters.filter(isStarted).length;
  // The second member of a group of one may be added, though both are then needed.
  const growsFromOne = started === 1 && voters.length === 1;
  if (!isLearner && !growsFromOne && started < majority(voters.length + 1)) return "memberNotEnoughStarted";
  return voters.every(({ id }) => connected(id)) ? undefined : "unhealthy";
}

/** etcd's strict check before a member is removed: one that is gone may always be, if the others are enough. */
export function judgeRemoval(
  members: Members,
  id: bigint,
  own: bigint,
  connected: Connected,
): QuorumRefusal | undefined {
  if (members.get(id)?.isLearner === true) return undefined;
  const voters = votersOf(members);
  const left = voters.filter((member) => member.id !== id);
  if (left.length === 0 || left.filter(isStarted).length < majority(left.length)) return "memberNotEnoughStarted";
  if (id !== own && !connected(id)) return undefined;
  const active = voters.filter((member) => connected(member.id)).length;
  return active - 1 < majority(voters.length - 1) ? "unhealthy" : undefined;
}

/** etcd's strict check before a learner may vote. */
export function judgePromotion(members: Members): QuorumRefusal | undefined {
  const voters = votersOf(members);
  return voters.filter(isStarted).length + 1 < majority(voters.length + 1) ? "memberNotEnoughStarted" : undefined;
}

function votersOf(members: Members): Member[] {
  return Array.from(members.values()).filter((member) => !member.isLearner);
}

/** It has said its name. */
function isStarted(member: Member): boolean {
  return member.name !== "";
}

function majority(size: number): number {
  return Math.floor(size / 2) + 1;
}

export function changeMembers(members: Members, change: MembershipChange, context: Member): Members {
  const next = new Map(members);
  const type = change.changes[0]?.type;
  if (type === "remove") next.delete(context.id);
  if (type === "add-learner") next.set(context.id, { ...context, isLearner: true });
  if (type === "add-voter") {
    const known = members.get(context.id);
    next.set(context.id, { ...(known ?? context), isLearner: false });
  }
  return next;
}

/** A member that publishes its attributes; unknown ones (removed meanwhile) are ignored. */
export function publishMember(members: Members, published: Member): Members {
  const known = members.get(published.id);
  if (!known) return members;
  return new Map(members).set(published.id, { ...known, name: published.name, clientURLs: published.clientURLs });
}

export function initialMembership(members: Members): Membership {
  const voters = Array.from(members.values()).filter((member) => !member.isLearner);
  return { voters: voters.map(({ id }) => id), outgoing: [], learners: [], learnersNext: [], autoLeave: false };
}
