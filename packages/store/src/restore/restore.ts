// Makes a data directory out of a snapshot file, of ours or of etcd: a new cluster that begins with the old one's keys, at the old one's
// revisions. As etcd's `snapshot restore`: ids come from the flags, so that each member is restored from the same file with its own name;
// the old members are forgotten; leases, users, alarms and compaction are kept.
//
// It is laid beside its final place and renamed when it is whole and on disk: an interrupted restore is seen to be one.
import { join } from "node:path";
import { alarmMember, decode } from "@coxswain/etcd-api";
import { parseRevision, revisionBytes } from "@coxswain/mvcc";
import { authFromBuckets, encodeAuth } from "../core/auth/state.ts";
import { begin, beginningAt, unfinishedDirectory } from "../data-dir.ts";
import type { Beginning } from "../data-dir.ts";
import { StoreError } from "../errors.ts";
import { rawKey } from "../io/backend/level-backend.ts";
import type { OwnName, StoreBackend } from "../io/backend/level-backend.ts";
import { encodeAlarms, encodeApplied, encodeMembers } from "../io/backend/own-records.ts";
import type { Database } from "../io/bbolt/reader.ts";
import type { Disk } from "../io/disk/disk.ts";
import { encodeMembership } from "../io/wal/record.ts";
import { createWal } from "../io/wal/wal.ts";
import { openSnapshot } from "./snapshot-file.ts";
import type { StoreConfig } from "../config.ts";

type Pairs = AsyncGenerator<readonly [Uint8Array, Uint8Array]>;

export interface RestoreRequest extends Pick<StoreConfig, "name" | "initial" | "dataDir"> {
  readonly file: string;
  readonly hash: "required" | "ignored";
  /** Added to the revision, so that clients which saw more than the snapshot knows notice. */
  readonly bumpRevision: number;
  /** Everything before is then compacted: watchers from before must list again. */
  readonly markCompacted: boolean;
}

export interface RestorePorts {
  readonly disk: Disk;
  readonly openBackend: (directory: string) => Promise<StoreBackend>;
}

export interface Restored {
  readonly memberId: bigint;
  readonly clusterId: bigint;
  readonly revision: number;
}

export async function restoreSnapshot(request: RestoreRequest, ports: RestorePorts): Promise<Restored> {
  const { dataDir } = request;
  if ((await ports.disk.list(dataDir)).length > 0)
    throw new StoreError("snapshot-unusable", `data-dir ${JSON.stringify(dataDir)} not empty or could not be read`);
  await using file = await openSnapshot(request.file, ports.disk, request.hash);
  if (!file.database.buckets.includes("key"))
    throw new StoreError("snapshot-unusable", `${request.file} is not a snapshot of etcd: it has no bucket "key"`);
  const beginning = begin(request);
  const state = new RestoredState(file.database, beginning, request);
  await layData(dataDir, beginning, state.pairs(), ports);
  return { ...beginning.identity, revision: state.revision };
}

/** Lays a member that begins with these pairs, as `rawKey` writes them, and with what `finish` does to them. */
export async function layData(
  dataDir: string,
  beginning: Beginning,
  pairs: AsyncIterable<readonly [Uint8Array, Uint8Array]>,
  ports: RestorePorts,
  finish?: (backend: StoreBackend) => Promise<void>,
): Promise<void> {
  const { disk } = ports;
  const root = join(dataDir, unfinishedDirectory);
  await disk.makeDirectory(root);
  const backend = await ports.openBackend(join(root, "backend"));
  try {
    await backend.replace(pairs);
    await finish?.(backend);
  } finally {
    await backend.close();
  }
  const { identity, membership } = beginning;
  const wal = await createWal(join(root, "wal"), identity, { ...beginningAt, membership }, disk);
  await wal.close();
  await disk.syncDirectory(root);
  await disk.rename(root, join(dataDir, "member"));
  await disk.syncDirectory(dataDir);
}

/** The store's own records of a member that begins here. */
export function ownRecords(beginning: Beginning): readonly (readonly [OwnName, Buffer])[] {
  return [
    ["applied", encodeApplied(beginningAt.index, beginningAt.term)],
    ["membership", encodeMembership(beginning.membership)],
    ["members", encodeMembers(beginning.members.values())],
    ["removed", encodeMembers([])],
  ];
}

const compactionMarks = ["scheduledCompactRev", "finishedCompactRev"];
/** What is said anew about the cluster that begins. */
const forgotten = new Set(["members", "members_removed", "cluster"]);

class RestoredState {
  readonly #database: Database;
  readonly #beginning: Beginning;
  readonly #request: RestoreRequest;
  /** The newest so far. */
  revision = 1;

  constructor(database: Database, beginning: Beginning, request: RestoreRequest) {
    this.#database = database;
    this.#beginning = beginning;
    this.#request = request;
  }

  async *pairs(): Pairs {
    for (const [name, value] of ownRecords(this.#beginning)) yield [rawKey("own", Buffer.from(name)), value];
    for (const bucket of this.#database.buckets) yield* this.#bucket(bucket);
    const { bumpRevision, markCompacted } = this.#request;
    if (bumpRevision === 0) return;
    this.revision += bumpRevision;
    // As etcd does it: an empty record holds the revision.
    yield [rawKey("key", revisionBytes(this.revision, 0)), Buffer.alloc(0)];
    if (markCompacted) yield [rawKey("meta", Buffer.from("scheduledCompactRev")), revisionBytes(this.revision, 0)];
  }

  async *#bucket(name: string): Pairs {
    const pairs = this.#database.pairs(name);
    switch (name) {
      case "key":
        for await (const [key, value] of pairs) {
          this.revision = Math.max(this.revision, parseRevision(key).main);
          yield [rawKey("key", key), value];
        }
        return;
      case "lease":
        for await (const [key, value] of pairs) yield [rawKey("lease", key), value];
        return;
      case "meta":
        for await (const [key, value] of pairs) {
          if (!compactionMarks.includes(key.toString())) continue;
          this.revision = Math.max(this.revision, parseRevision(value).main);
          yield [rawKey("meta", key), value];
        }
        return;
      case "alarm": {
        const alarms = (await listed(pairs)).map(([key]) => decode(alarmMember, key));
        yield [rawKey("own", Buffer.from("alarms")), encodeAlarms(alarms)];
        return;
      }
      case "auth": {
        const [auth, authUsers, authRoles] = await Promise.all(
          ["auth", "authUsers", "authRoles"].map((bucket) => listed(this.#database.pairs(bucket))),
        );
        const state = authFromBuckets({ auth: auth ?? [], authUsers: authUsers ?? [], authRoles: authRoles ?? [] });
        yield [rawKey("own", Buffer.from("auth")), encodeAuth(state)];
        return;
      }
      case "authUsers":
      case "authRoles":
        return;
      default:
        if (forgotten.has(name)) return;
        for await (const [key, value] of pairs)
          yield [rawKey("extra", Buffer.concat([Buffer.from(`${name}\0`), key])), value];
    }
  }
}

async function listed(pairs: AsyncIterable<readonly [Buffer, Buffer]>): Promise<(readonly [Buffer, Buffer])[]> {
  const all: (readonly [Buffer, Buffer])[] = [];
  for await (const pair of pairs) all.push(pair);
  return all;
}
