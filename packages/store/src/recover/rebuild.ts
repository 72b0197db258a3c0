// Makes one new member out of the newest surviving log: copies its backend, applies every entry behind it, lets it begin a cluster of its
// own, and puts its revision above everything that any client can have seen, with everything before compacted. So watchers must list
// again instead of believing that they missed nothing. The survivors' directories stay as they are.
import { crc32c, openMvcc, revisionBytes } from "@coxswain/mvcc";
import type { Mvcc } from "@coxswain/mvcc";
import type { Clock } from "@coxswain/clock";
import { changeMembership, emptyMembership } from "raft-ts";
import { begin } from "../data-dir.ts";
import { StoreError } from "../errors.ts";
import type { StoreBackend } from "../io/backend/level-backend.ts";
import { encodeAlarms } from "../io/backend/own-records.ts";
import type { Disk } from "../io/disk/disk.ts";
import { layData, ownRecords } from "../restore/restore.ts";
import { Machine } from "../state-machine.ts";
import type { StoreConfig } from "../config.ts";
import { backendOf } from "./survivor.ts";
import type { Survivor } from "./survivor.ts";

export interface RebuildRequest extends Pick<StoreConfig, "name" | "initial" | "dataDir"> {
  readonly source: Survivor;
  readonly bumpRevision: number;
}

export interface RebuildPorts {
  readonly disk: Disk;
  readonly openBackend: (directory: string) => Promise<StoreBackend>;
  readonly clock: Clock;
}

export interface Rebuilt {
  readonly memberId: bigint;
  readonly clusterId: bigint;
  readonly keys: number;
  /** Before and after. */
  readonly oldRevision: number;
  readonly revision: number;
}

/** Nothing leases or watches while no member runs. */
const noLeases = { minLeaseTtlSeconds: 1 };

export async function rebuildMember(request: RebuildRequest, ports: RebuildPorts): Promise<Rebuilt> {
  const { dataDir, source, bumpRevision } = request;
  if ((await ports.disk.list(dataDir)).length > 0)
    throw new StoreError("snapshot-unusable", `data-dir ${JSON.stringify(dataDir)} not empty or could not be read`);
  const beginning = begin(request);
  let before = { keys: 0, checksum: 0, revision: 0 };
  const backend = await ports.openBackend(backendOf(source.directory));
  try {
    await layData(dataDir, beginning, await backend.copy(), ports, async (made) => {
      before = await summary((await replay(made, source, ports.clock)).mvcc);
      const bumped = before.revision + bumpRevision;
      made.put("key", revisionBytes(bumped, 0), Buffer.alloc(0));
      made.put("meta", Buffer.from("scheduledCompactRev"), revisionBytes(bumped, 0));
      for (const [name, value] of ownRecords(beginning)) made.putOwn(name, value);
      made.putOwn("alarms", encodeAlarms([]));
      await made.sync();
      const after = await summary(await openMvcc(made, noLeases));
      if (after.keys !== before.keys || after.checksum !== before.checksum || after.revision !== bumped)
        throw new StoreError(
          "backend-behind",
          `the rebuilt member has ${after.keys} keys at revision ${after.revision}, expected ${before.keys} at ${bumped}: ${source.directory} is damaged`,
        );
    });
  } finally {
    await backend.close();
  }
  return {
    ...beginning.identity,
    keys: before.keys,
    oldRevision: before.revision,
    revision: before.revision + bumpRevision,
  };
}

/** Applies what the log holds behind the backend, as the member would have. */
async function replay(backend: StoreBackend, source: Survivor, clock: Clock): Promise<Machine> {
  let membership = emptyMembership;
  const machine = await Machine.open(
    { ...noLeases, entriesPerCheckpoint: Infinity, bytesPerCheckpoint: Infinity, tokenTtlMs: 0 },
    {
      backend,
      clock,
      leads: () => false,
      applyMembership: (change) => {
        if (!change) return { refused: "refused by the application" };
        const outcome = changeMembership(membership, change);
        if ("membership" in outcome) membership = outcome.membership;
        return outcome;
      },
      settle: () => undefined,
      onApplied: () => undefined,
      onTerm: () => undefined,
      onReplaced: () => undefined,
      openCopy: () => {
        throw new Error("no snapshot is installed while a member is rebuilt");
      },
      die: (reason, cause) => {
        throw new Error(reason, { cause });
      },
    },
  );
  membership = machine.membership;
  for (const entry of source.entries) {
    machine.apply(entry);
    if (backend.pendingBytes() > 1024 * 1024) await backend.flush();
  }
  await backend.sync();
  return machine;
}

/** How many keys there are now, and a checksum over them. */
async function summary(mvcc: Mvcc): Promise<{ keys: number; checksum: number; revision: number }> {
  let keys = 0;
  let checksum = 0;
  let key: Uint8Array = Buffer.from([0]);
  for (;;) {
    const answer = mvcc.range({ key, rangeEnd: Buffer.from([0]), limit: 1000 });
    if ("refused" in answer) throw new Error(`the rebuilt member cannot be read: ${answer.refused}`);
    for (const kv of answer.kvs) {
      keys++;
      for (const part of [kv.key, kv.value, revisionBytes(kv.modRevision, kv.version)])
        checksum = crc32c(checksum, part);
    }
    const last = answer.kvs.at(-1);
    if (!answer.more || !last) return { keys, checksum, revision: mvcc.revision };
    key = Buffer.concat([last.key, Buffer.from([0])]);
  }
}
