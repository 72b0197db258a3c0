// The Election service: waiting lines whose first leads (waiting-line.ts), with what it proclaims as its key's value.
import type {
  Call,
  CampaignRequest,
  CampaignResponse,
  Init,
  LeaderRequest,
  LeaderResponse,
  ProclaimRequest,
  ProclaimResponse,
  ResignRequest,
  ResignResponse,
  StreamCall,
} from "@coxswain/etcd-api";
import { etcdError } from "./errors.ts";
import type { Served } from "./ports.ts";
import { enterLine, firstInLine, leaveLine, lineOf, onChanges, transact, waitForTurn } from "./waiting-line.ts";

export async function serveCampaign(
  served: Served,
  { name, lease, value }: CampaignRequest,
  call: Call,
): Promise<Init<CampaignResponse>> {
  const place = await enterLine(served, name, lease, value);
  const leader = { name, key: place.key, rev: place.revision, lease: place.lease };
  if (place.known) await serveProclaim(served, { leader, value });
  await waitForTurn(served, name, place, call.signal);
  return { header: served.header(), leader };
}

export async function serveProclaim(served: Served, request: ProclaimRequest): Promise<Init<ProclaimResponse>> {
  const { leader, value } = request;
  if (!leader) throw etcdError("missingLeaderKey");
  const { key, rev, lease } = leader;
  const answer = await transact(served, {
    compare: [{ key, target: "CREATE", result: "EQUAL", createRevision: rev }],
    success: [{ requestPut: { key, value, lease } }],
  });
  if (answer.succeeded !== true) throw etcdError("electionNotLeader");
  return { header: answer.header };
}

export async function serveLeader(served: Served, { name }: LeaderRequest): Promise<Init<LeaderResponse>> {
  const { kv } = await firstInLine(served, name);
  if (!kv) throw etcdError("electionNoLeader");
  return { header: served.header(), kv };
}

export async function serveResign(served: Served, { leader }: ResignRequest): Promise<Init<ResignResponse>> {
  if (!leader) throw etcdError("missingLeaderKey");
  await leaveLine(served, leader.key, leader.rev);
  return { header: served.header() };
}

/** Tells of each leader and of each of its proclamations, until the client goes. */
export async function serveObserve(
  served: Served,
  { name }: LeaderRequest,
  call: StreamCall<LeaderResponse>,
): Promise<void> {
  let told = "";
  let { kv, revision } = await firstInLine(served, name);
  for (;;) {
    const version = kv ? `${kv.createRevision}/${kv.modRevision}` : "";
    if (kv && version !== told && !call.send({ header: served.header(revision), kv })) await call.drained();
    told = version;
    await nextChange(served, name, revision + 1, call.signal);
    if (call.signal.aborted) return;
    ({ kv, revision } = await firstInLine(served, name));
  }
}

async function nextChange(served: Served, name: Buffer, startRevision: number, signal: AbortSignal): Promise<void> {
  const change = Promise.withResolvers<void>();
  const gone = (): void => change.resolve();
  if (signal.aborted) return;
  signal.addEventListener("abort", gone, { once: true });
  const stop = onChanges(served, lineOf(name), startRevision, { changed: gone, failed: change.reject });
  try {
    await change.promise;
  } finally {
    stop();
    signal.removeEventListener("abort", gone);
  }
}
