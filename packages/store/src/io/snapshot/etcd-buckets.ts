// The store's state as etcd's buckets, and etcd's buckets as the store's state. Records, leases, compaction marks and revisions have
// etcd's bytes already; only what is said about the cluster is written anew. After etcd's server/storage/schema.
//
//   key, lease                   as they are
//   meta                         consistent_index, term, confState; scheduledCompactRev and finishedCompactRev as they are
//   members, members_removed     etcd's JSON by hexadecimal id           alarm   the alarm itself as the key
//   auth, authUsers, authRoles   from the state of users and roles
//   cluster, and what else an imported file had: as they were found, else empty
//
// The cluster's version is left out on purpose: etcd determines it anew, and an older etcd would refuse a newer one.
import { encode, alarmMember } from "@coxswain/etcd-api";
import type { AlarmMember, Member } from "@coxswain/etcd-api";
import type { Membership } from "raft-ts";
import { authBuckets } from "../../core/auth/state.ts";
import type { AuthState } from "../../core/auth/state.ts";
import type { Members } from "../../core/membership.ts";
import type { BackendView } from "../backend/level-backend.ts";
import type { BucketSource, Pair } from "../bbolt/writer.ts";

/** What the cluster is at the moment of the view. */
export interface ClusterFacts {
  readonly appliedIndex: number;
  readonly appliedTerm: number;
  readonly membership: Membership;
  readonly members: Members;
  readonly removed: ReadonlySet<bigint>;
  readonly alarms: readonly AlarmMember[];
  readonly auth: AuthState;
  readonly storageVersion: string;
}

type KeyAndValue = readonly [Uint8Array, Uint8Array];

/** In every file, even when empty: etcd expects to find them. */
const etcdBuckets = [
  "alarm",
  "auth",
  "authRoles",
  "authUsers",
  "cluster",
  "key",
  "lease",
  "members",
  "members_removed",
  "meta",
] as const;

export async function etcdBucketsOf(view: BackendView, facts: ClusterFacts): Promise<readonly BucketSource[]> {
  const made = new Map<string, KeyAndValue[]>(etcdBuckets.map((name) => [name, []]));
  for await (const [key, value] of view.pairs("extra")) {
    const end = key.indexOf(0);
    const name = text(key.subarray(0, end));
    made.set(name, [...(made.get(name) ?? []), [key.subarray(end + 1), value]]);
  }
  const meta = new Map<string, Uint8Array>(clusterMeta(facts));
  for await (const [key, value] of view.pairs("meta")) meta.set(text(key), value);
  made.set(
    "meta",
    Array.from(meta, ([key, value]): KeyAndValue => [Buffer.from(key), value]),
  );
  made.set(
    "members",
    Array.from(facts.members.values(), (member): KeyAndValue => [
      Buffer.from(member.id.toString(16)),
      Buffer.from(memberJson(member)),
    ]),
  );
  made.set(
    "members_removed",
    Array.from(facts.removed, (id): KeyAndValue => [Buffer.from(id.toString(16)), Buffer.from("removed")]),
  );
  made.set(
    "alarm",
    facts.alarms.map((alarm): KeyAndValue => [encode(alarmMember, alarm), Buffer.alloc(0)]),
  );
  for (const [name, pairs] of Object.entries(authBuckets(facts.auth))) made.set(name, [...pairs]);
  made.delete("key");
  made.delete("lease");
  return [
    { name: "key", pairs: () => view.pages("key") },
    { name: "lease", pairs: () => view.pages("lease") },
    ...Array.from(made, ([name, pairs]): BucketSource => {
      const sorted = pairs.sort(([a], [b]) => Buffer.compare(a, b));
      return { name, pairs: () => listed(sorted) };
    }),
  ];
}

function clusterMeta(facts: ClusterFacts): [string, Uint8Array][] {
  return [
    ["consistent_index", uint64(facts.appliedIndex)],
    ["term", uint64(facts.appliedTerm)],
    ["confState", Buffer.from(confStateJson(facts.membership))],
    ["storageVersion", Buffer.from(facts.storageVersion)],
  ];
}

/** Ids use all 64 bits, and Go writes them as plain numbers: JSON by hand. */
function confStateJson(membership: Membership): string {
  const lists = [
    ["voters", membership.voters],
    ["learners", membership.learners],
    ["voters_outgoing", membership.outgoing],
    ["learners_next", membership.learnersNext],
  ] as const;
  const fields = lists.flatMap(([name, ids]) => (ids.length > 0 ? [`"${name}":[${ids.join(",")}]`] : []));
  return `{${[...fields, `"auto_leave":${membership.autoLeave}`].join(",")}}`;
}

function memberJson(member: Member): string {
  const { id, name, peerURLs, clientURLs, isLearner } = member;
  const rest = JSON.stringify({
    peerURLs,
    ...(isLearner ? { isLearner } : {}),
    ...(name === "" ? {} : { name }),
    ...(clientURLs.length === 0 ? {} : { clientURLs }),
  });
  return `{"id":${id},${rest.slice(1)}`;
}

function uint64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString();
}

async function* listed(pairs: readonly KeyAndValue[]): AsyncGenerator<readonly Pair[]> {
  yield pairs.map(([key, value]) => ({ key, value }));
}
