// What a member finds on its disk when it starts, or lays there the first time. After this, log and backend agree:
//
//   backend:  applied ─────────┐            everything up to here is in the backend
//   log:      marker ───────── entries ────────────── last          marker <= applied <= last, or the member refuses to start
import { join } from "node:path";
import type { Clock, Random } from "@coxswain/clock";
import { StartError } from "@coxswain/daemon";
import type { Member } from "@coxswain/etcd-api";
import {
  changeMembership,
  createMemoryStorage,
  decodeMembershipChange,
  emptyMembership,
  encodeMembershipChange,
} from "raft-ts";
import type { Entry, MemoryStorage, Membership } from "raft-ts";
import { StoreError } from "./errors.ts";
import { encodeCommand } from "./core/command.ts";
import { initialMembership } from "./core/membership.ts";
import type { Members } from "./core/membership.ts";
import type { StoreBackend } from "./io/backend/level-backend.ts";
import { readApplied, readMembers, saveApplied, saveMembers } from "./io/backend/own-records.ts";
import type { Disk } from "./io/disk/disk.ts";
import { clusterId, memberId } from "./io/peer/identity.ts";
import { createSpool } from "./io/snapshot/spool.ts";
import type { Spool } from "./io/snapshot/spool.ts";
import { decodeMembership, encodeMembership } from "./io/wal/record.ts";
import type { Identity } from "./io/wal/record.ts";
import { createWal, openWal, walExists } from "./io/wal/wal.ts";
import type { Recovered, Wal } from "./io/wal/wal.ts";
import type { StoreConfig } from "./config.ts";

export interface OpenedData {
  readonly identity: Identity;
  readonly backend: StoreBackend;
  readonly wal: Wal;
  readonly spool: Spool;
  readonly storage: MemoryStorage;
  readonly applied: number;
  /** How it came to be: for the log. */
  readonly history: "new" | "joined" | "recovered";
  readonly repaired: Recovered["repaired"];
}

export interface DataPorts {
  readonly disk: Disk;
  readonly random: Random;
  readonly clock: Clock;
  readonly openBackend: (directory: string) => Promise<StoreBackend>;
  /** Asks the running members who is in the cluster. */
  readonly askCluster: (
    urls: readonly string[],
  ) => Promise<{ readonly clusterId: bigint; readonly members: readonly Member[] }>;
}

export async function openData(config: StoreConfig, ports: DataPorts): Promise<OpenedData> {
  const root = join(config.dataDir, "member");
  const { disk } = ports;
  if ((await disk.list(join(root, "snap"))).includes("db")) {
    throw new StartError(
      `${config.dataDir} holds data of etcd itself: take it over with "snapshot restore ${join(root, "snap", "db")} --skip-hash-check" and an empty --data-dir`,
    );
  }
  if ((await disk.list(config.dataDir)).includes(unfinishedDirectory)) {
    throw new StartError(
      `${join(config.dataDir, unfinishedDirectory)} is what an interrupted restore has left: remove ${config.dataDir} and restore again`,
    );
  }
  await disk.makeDirectory(root);
  const backend = await ports.openBackend(join(root, "backend")).catch((error: unknown) => {
    throw error instanceof StoreError ? new StartError(error.message, { cause: error }) : error;
  });
  try {
    const spool = createSpool(join(root, "incoming"), disk);
    const walDirectory = join(root, "wal");
    if (await walExists(walDirectory, disk)) return await recover(walDirectory, backend, spool, config, disk);
    if ((readApplied(backend)?.index ?? 0) > 1) {
      throw new StartError(
        `${walDirectory} is gone, but the backend beside it is not: what was acknowledged last is lost; remove the member and add it again`,
      );
    }
    const found = config.initial.state === "existing" ? await joinCluster(config, ports) : begin(config);
    if (found.history === "new") await refuseSecondBeginning(found, config, ports);
    return await lay(found, walDirectory, backend, spool, config, disk);
  } catch (error) {
    await backend.close();
    throw error instanceof StoreError ? new StartError(error.message, { cause: error }) : error;
  }
}

/** Those that run answer at once. */
const askMs = 2000;

export interface Beginning {
  readonly identity: Identity;
  readonly members: Members;
  readonly membership: Membership;
  readonly history: "new" | "joined";
}

/** A beginning counts as the first entry, so that a member that joins later must be sent it as a snapshot. */
export const beginningAt = { index: 1, term: 1 } as const;
/** Where a restore lays its data until it is whole. */
export const unfinishedDirectory = "member.unfinished";

/** Every first member computes the same from the same flags. */
export function begin(config: Pick<StoreConfig, "name" | "initial">): Beginning {
  const { members, token } = config.initial;
  const list = members.map(({ name, peerUrls }): Member => ({
    id: memberId(peerUrls, token, undefined),
    name,
    peerURLs: peerUrls,
    clientURLs: [],
    isLearner: false,
  }));
  const own = list.find((member) => member.name === config.name);
  if (!own) throw new StartError(`${config.name} is not among the initial members`);
  const known = new Map(list.map((member): [bigint, Member] => [member.id, { ...member, name: "" }]));
  return {
    identity: { memberId: own.id, clusterId: clusterId([...known.keys()]) },
    members: known,
    membership: initialMembership(known),
    history: "new",
  };
}

/**
 * A member whose data is gone must not begin again under its old id: it has forgotten what it promised. The others know whether it has
 * ever run; where none answers, this is taken for the first start of all.
 */
async function refuseSecondBeginning(found: Beginning, config: StoreConfig, ports: DataPorts): Promise<void> {
  const others = config.initial.members.filter((member) => member.name !== config.name);
  if (others.length === 0) return;
  const gone = new AbortController();
  const cluster = await Promise.race([
    ports.askCluster(others.flatMap((member) => member.peerUrls)).catch(() => undefined),
    ports.clock.sleep(askMs, gone.signal).then(
      () => undefined,
      () => undefined,
    ),
  ]);
  gone.abort();
  if (cluster?.clusterId !== found.identity.clusterId) return;
  const { memberId: id } = found.identity;
  const known = cluster.members.find((member) => member.id === id);
  if (known && known.clientURLs.length === 0) return;
  throw new StartError(
    known
      ? `member ${id.toString(16)} has already been bootstrapped: its data directory is gone; remove the member and add it again, then start it with --initial-cluster-state existing`
      : `member ${id.toString(16)} is not in the cluster any more: add it again, then start it with --initial-cluster-state existing`,
  );
}

/** A member that was added to a running cluster finds its id by its peer URLs, and everything else comes from the leader. */
async function joinCluster(config: StoreConfig, ports: DataPorts): Promise<Beginning> {
  const own = config.initial.members.find((member) => member.name === config.name);
  const others = config.initial.members.filter((member) => member !== own).flatMap((member) => member.peerUrls);
  const cluster = await ports.askCluster(others);
  const member = cluster.members.find((each) => own?.peerUrls.some((url) => each.peerURLs.includes(url)));
  if (!member)
    throw new StartError(
      `the cluster has no member with the peer URL ${own?.peerUrls.join(",") ?? ""}: add it first (etcdctl member add)`,
    );
  const members = new Map(cluster.members.map((each): [bigint, Member] => [each.id, each]));
  return {
    identity: { memberId: member.id, clusterId: cluster.clusterId },
    members,
    membership: emptyMembership,
    history: "joined",
  };
}

async function lay(
  found: Beginning,
  walDirectory: string,
  backend: StoreBackend,
  spool: Spool,
  config: StoreConfig,
  disk: Disk,
): Promise<OpenedData> {
  const start = found.history === "new" ? beginningAt : { index: 0, term: 0 };
  backend.putOwn("membership", encodeMembership(found.membership));
  saveMembers(backend, found.members, new Set());
  saveApplied(backend, start.index, start.term);
  await backend.sync();
  const wal = await createWal(
    walDirectory,
    found.identity,
    { ...start, membership: found.membership },
    disk,
    config.walSegmentBytes,
  );
  const storage = createMemoryStorage();
  if (start.index > 0) storage.applySnapshot({ ...start, membership: found.membership, data: new Uint8Array(0) });
  storage.setHardState({ term: start.term, vote: undefined, commit: start.index });
  return {
    identity: found.identity,
    backend,
    wal,
    spool,
    storage,
    applied: start.index,
    history: found.history,
    repaired: undefined,
  };
}

async function recover(
  walDirectory: string,
  backend: StoreBackend,
  spool: Spool,
  config: StoreConfig,
  disk: Disk,
): Promise<OpenedData> {
  const opened = await openWal(walDirectory, disk, config.walSegmentBytes);
  const { wal } = opened;
  let { recovered } = opened;
  let { marker, entries } = recovered;
  let applied = readApplied(backend);
  const intact = applied !== undefined && applied.index >= marker.index;
  const copy = await spool.newest().catch((error: unknown) => {
    // Nobody was told that it is installed, and the state from before is still there: the leader sends it again.
    if (error instanceof StoreError && intact) return undefined;
    throw error;
  });
  if (copy && copy.index >= (applied?.index ?? 0) && copy.index > marker.index) {
    // It was being installed when the process died; perhaps only the log did not say so yet.
    await backend.replace(spool.open(copy));
    marker = { index: copy.index, term: copy.term, membership: copy.membership };
    await wal.mark(marker);
    entries =
      entries[copy.index - (entries[0]?.index ?? 0)]?.term === copy.term
        ? entries.filter((entry) => entry.index > copy.index)
        : [];
    applied = readApplied(backend);
  }
  await spool.clear();
  if (readMembers(backend.getOwn("removed")).has(recovered.identity.memberId))
    throw new StoreError(
      "member-removed",
      `this member was removed from its cluster: remove ${config.dataDir}, add the member again, and start it with --initial-cluster-state existing`,
    );
  const lastIndex = entries.at(-1)?.index ?? marker.index;
  if (!applied || applied.index < marker.index) {
    throw new StoreError(
      "backend-behind",
      `the backend beside ${walDirectory} ends at entry ${applied?.index ?? 0}, but the log begins after ${marker.index}: parts of the data directory are missing`,
    );
  }
  if (applied.index > lastIndex) {
    throw new StoreError(
      "wal-damaged",
      `the write-ahead log in ${walDirectory} ends at entry ${lastIndex}, but entry ${applied.index} was already applied: its end is missing`,
    );
  }
  const stored = backend.getOwn("membership");
  const membership = stored ? decodeMembership(Buffer.from(stored)) : marker.membership;
  const alone = config.forceNewCluster
    ? changesToBeAlone(recovered.identity.memberId, membership, entries, {
        index: lastIndex,
        term: Math.max(recovered.hardState.term, 1),
        applied: applied.index,
      })
    : [];
  if (config.forceNewCluster) {
    // Nobody else can say what was committed: all that is here is.
    const commit = lastIndex + alone.length;
    recovered = { ...recovered, hardState: { ...recovered.hardState, commit } };
    await wal.save(recovered.hardState, alone);
    entries = [...entries, ...alone];
  }
  const storage = createMemoryStorage();
  if (marker.index > 0)
    storage.applySnapshot({ index: marker.index, term: marker.term, membership, data: new Uint8Array(0) });
  storage.append(entries);
  // The commit index is not written for its own sake; what was applied was committed.
  storage.setHardState({
    ...recovered.hardState,
    commit: Math.max(recovered.hardState.commit, marker.index, applied.index),
  });
  return {
    identity: recovered.identity,
    backend,
    wal,
    spool,
    storage,
    applied: applied.index,
    history: "recovered",
    repaired: recovered.repaired,
  };
}

/** Entries that leave this member alone in its cluster, after whatever else the log changes about the membership. */
function changesToBeAlone(
  own: bigint,
  stored: Membership,
  entries: readonly Entry[],
  at: { readonly index: number; readonly term: number; readonly applied: number },
): readonly Entry[] {
  let membership = stored;
  for (const entry of entries) {
    if (entry.kind !== "membership" || entry.index <= at.applied) continue;
    const outcome = changeMembership(membership, decodeMembershipChange(entry.data));
    if ("membership" in outcome) membership = outcome.membership;
  }
  if (membership.outgoing.length > 0)
    throw new StoreError("wal-damaged", "the log ends in the middle of a change of members: use recover instead");
  const others = [...membership.voters, ...membership.learners].filter((id) => id !== own);
  const promote = membership.voters.includes(own) ? [] : [{ type: "add-voter" as const, id: own }];
  const changes = [...promote, ...others.map((id) => ({ type: "remove" as const, id }))];
  return changes.map((change, position) => ({
    index: at.index + 1 + position,
    term: at.term,
    kind: "membership",
    data: encodeMembershipChange({
      transition: "auto",
      changes: [change],
      context: encodeCommand(nobody, { kind: "member", request: { id: change.id } }),
    }),
  }));
}

/** No request waits for these. */
const nobody = { member: 0n, boot: 0, sequence: 0 };
