// What members ask each other outside Raft, answered from the same functions as clients' questions. etcd has HTTP paths for these
// (/members/promote/, /members/hashkv, /leases).
import {
  GrpcError,
  decode,
  encode,
  hashKVRequest,
  hashKVResponse,
  leaseKeepAliveRequest,
  leaseKeepAliveResponse,
  memberPromoteRequest,
  memberPromoteResponse,
} from "@coxswain/etcd-api";
import { PeerRefusal } from "../peer/peer.ts";
import type { PeerQuestion } from "../peer/peer.ts";
import { errorNameOf, etcdError, isErrorName } from "./errors.ts";
import { renewHere } from "./lease.ts";
import { serveHashKV } from "./maintenance.ts";
import { promote } from "./member.ts";
import type { Served } from "./ports.ts";

export async function answerPeer(served: Served, question: PeerQuestion, payload: Uint8Array): Promise<Uint8Array> {
  try {
    switch (question) {
      case "promote":
        // Only where this member still leads: a question is not passed on.
        if (served.status().role !== "leader") throw etcdError("notLeader");
        await promote(served, decode(memberPromoteRequest, payload).id);
        return encode(memberPromoteResponse, {});
      case "renew": {
        if (served.status().role !== "leader") throw etcdError("notLeader");
        const { id } = decode(leaseKeepAliveRequest, payload);
        return encode(leaseKeepAliveResponse, { id, ttl: await renewHere(served, id) });
      }
      case "hash":
        return encode(hashKVResponse, await serveHashKV(served, decode(hashKVRequest, payload)));
    }
  } catch (error) {
    if (error instanceof GrpcError) throw new PeerRefusal(errorNameOf(error) ?? error.details, { cause: error });
    throw error;
  }
}

/** What a client is told when the question that its request led to failed. */
export function peerFailure(error: unknown): GrpcError {
  if (error instanceof PeerRefusal && isErrorName(error.message)) return etcdError(error.message);
  return etcdError("timeout");
}
