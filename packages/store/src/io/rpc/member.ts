// The Cluster service: who is a member. A change is one entry of the log, checked again when it is applied. As in etcd, its answers
// name no revision: the keys have none to do with it.
import { encode, memberPromoteRequest } from "@coxswain/etcd-api";
import type {
  Init,
  MemberAddRequest,
  MemberAddResponse,
  MemberListRequest,
  MemberListResponse,
  MemberPromoteRequest,
  MemberPromoteResponse,
  MemberRemoveRequest,
  MemberRemoveResponse,
  MemberUpdateRequest,
  MemberUpdateResponse,
} from "@coxswain/etcd-api";
import { judgeAddition, judgePromotion, judgeRemoval } from "../../core/membership.ts";
import type { QuorumRefusal } from "../../core/membership.ts";
import { etcdError } from "./errors.ts";
import type { Served } from "./ports.ts";

export async function serveMemberList(served: Served, request: MemberListRequest): Promise<Init<MemberListResponse>> {
  if (request.linearizable) await served.linearize();
  return { header: served.header(0), members: [...served.members().values()] };
}

export async function serveMemberAdd(served: Served, request: MemberAddRequest): Promise<Init<MemberAddResponse>> {
  checkUrls(request.peerURLs);
  refuse(judgeAddition(served.members(), request.isLearner, served.connected));
  const id = served.newMemberId(request.peerURLs);
  const member = { id, name: "", peerURLs: request.peerURLs, clientURLs: [], isLearner: request.isLearner };
  const { members } = await served.proposeMembership([{ type: request.isLearner ? "add-learner" : "add-voter", id }], {
    kind: "member",
    request: member,
  });
  return { header: served.header(0), member, members: [...members.values()] };
}

export async function serveMemberRemove(
  served: Served,
  request: MemberRemoveRequest,
): Promise<Init<MemberRemoveResponse>> {
  const { id } = request;
  if (!served.members().has(id)) throw etcdError("memberNotFound");
  refuse(judgeRemoval(served.members(), id, served.status().id, served.connected));
  const { members } = await served.proposeMembership([{ type: "remove", id }], { kind: "member", request: { id } });
  return { header: served.header(0), members: [...members.values()] };
}

export async function serveMemberUpdate(
  served: Served,
  request: MemberUpdateRequest,
): Promise<Init<MemberUpdateResponse>> {
  if (!served.members().has(request.id)) throw etcdError("memberNotFound");
  checkUrls(request.peerURLs);
  const { members } = await served.propose<"member">({
    kind: "member",
    request: { id: request.id, peerURLs: request.peerURLs },
  });
  return { header: served.header(0), members: [...members.values()] };
}

export async function serveMemberPromote(
  served: Served,
  request: MemberPromoteRequest,
): Promise<Init<MemberPromoteResponse>> {
  await promote(served, request.id);
  return { header: served.header(0), members: [...served.members().values()] };
}

/** Resolves when the learner votes, as far as is known here. Only the leader knows how far a learner is: the others ask it. */
export async function promote(served: Served, id: bigint): Promise<void> {
  const member = served.members().get(id);
  if (!member) throw etcdError("memberNotFound");
  if (!member.isLearner) throw etcdError("memberNotLearner");
  const status = served.status();
  if (status.leader === undefined) throw etcdError("noLeader");
  if (status.role !== "leader") {
    await served.askPeer(status.leader, "promote", encode(memberPromoteRequest, { id }));
    await served.linearize();
    return;
  }
  // As in etcd: a learner that has nine tenths of the leader's log may vote.
  if ((status.progress.get(id)?.match ?? 0) < (status.progress.get(status.id)?.match ?? status.commit) * 0.9)
    throw etcdError("learnerNotReady");
  refuse(judgePromotion(served.members()));
  await served.proposeMembership([{ type: "add-voter", id }], { kind: "member", request: { id } });
}

function checkUrls(urls: readonly string[]): void {
  const good = urls.length > 0 && urls.every((url) => /^https?:\/\/[^/]+:\d+$/.test(url));
  if (!good) throw etcdError("memberBadUrls");
}

function refuse(refusal: QuorumRefusal | undefined): void {
  if (refusal !== undefined) throw etcdError(refusal);
}
