// The members of the cluster as the log has made them: ids, names, URLs, who is still learning. Pure; persisted by the applier.
import type { Member } from "@coxswain/etcd-api";
import type { Membership, MembershipChange } from "raft-ts";

export type Members = ReadonlyMap<bigint, Member>;

/** Why a change is refused when it is applied, in the words of io/rpc/errors.ts. */
export type MemberRefusal = "memberExist" | "memberNotFound" | "memberNotLearner" | "peerUrlExist";

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
  return context.peerURLs.some((url) => used.has(url)) ? "peerUrlExist" : undefined;
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
