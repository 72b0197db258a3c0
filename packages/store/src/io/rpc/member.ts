// The Cluster service: who is a member. A change is one entry of the log, checked again when it is applied. As in etcd, its answers
// name no revision: the keys have none to do with it.
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
import type { Members } from "../../core/membership.ts";
import { etcdError } from "./errors.ts";
import type { Served } from "./ports.ts";

export async function serveMemberList(served: Served, request: MemberListRequest): Promise<Init<MemberListResponse>> {
  if (request.linearizable) await served.linearize();
  return { header: served.header(0), members: [...served.members().values()] };
}

export async function serveMemberAdd(served: Served, request: MemberAddRequest): Promise<Init<MemberAddResponse>> {
  checkUrls(request.peerURLs);
  checkStarted(served, served.members(), undefined);
  const learners = [...served.members().values()].filter((member) => member.isLearner);
  if (request.isLearner && learners.length > 0) throw etcdError("tooManyLearners");
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
  checkStarted(served, served.members(), id);
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
  const { id } = request;
  const member = served.members().get(id);
  if (!member) throw etcdError("memberNotFound");
  if (!member.isLearner) throw etcdError("memberNotLearner");
  const status = served.status();
  if (status.role !== "leader") throw etcdError("notLeader");
  // As in etcd: a learner that has nine tenths of the leader's log may vote.
  if ((status.progress.get(id)?.match ?? 0) < (status.progress.get(status.id)?.match ?? status.commit) * 0.9)
    throw etcdError("learnerNotReady");
  const { members } = await served.proposeMembership([{ type: "add-voter", id }], { kind: "member", request: { id } });
  return { header: served.header(0), members: [...members.values()] };
}

function checkUrls(urls: readonly string[]): void {
  const good = urls.length > 0 && urls.every((url) => /^https?:\/\/[^/]+:\d+$/.test(url));
  if (!good) throw etcdError("memberBadUrls");
}

/** etcd's strict check: the group that comes out must still have a majority of members that are there. */
function checkStarted(served: Served, members: Members, removing: bigint | undefined): void {
  const status = served.status();
  if (status.role !== "leader") return;
  const voters = [...members.values()].filter((member) => !member.isLearner && member.id !== removing);
  const active = voters.filter(({ id }) => id === status.id || status.progress.get(id)?.recentActive === true);
  const size = removing === undefined ? voters.length + 1 : voters.length;
  if (removing !== undefined && !(status.progress.get(removing)?.recentActive ?? false) && removing !== status.id)
    return;
  if (voters.length > 0 && active.length < Math.floor(size / 2) + 1 && size > 2) throw etcdError("unhealthy");
}
