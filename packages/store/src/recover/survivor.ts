// What a member's data directory holds, read while the member does not run: whose it is, how far its log reaches, what of that is
// known to be committed. Its log is only read; its backend is opened and closed, as a start would.
import { join } from "node:path";
import { openMvcc } from "@coxswain/mvcc";
import type { Entry } from "raft-ts";
import { StoreError } from "../errors.ts";
import { readApplied, readMembers } from "../io/backend/own-records.ts";
import type { StoreBackend } from "../io/backend/level-backend.ts";
import type { Disk } from "../io/disk/disk.ts";
import type { Members } from "../core/membership.ts";
import { decodeMembership } from "../io/wal/record.ts";
import type { Identity } from "../io/wal/record.ts";
import { readWal, walExists } from "../io/wal/wal.ts";

export interface Survivor {
  readonly directory: string;
  readonly identity: Identity;
  readonly members: Members;
  readonly removed: ReadonlySet<bigint>;
  readonly voters: readonly bigint[];
  /** Of the hard state. */
  readonly term: number;
  readonly last: { readonly index: number; readonly term: number };
  /** At least so far it was committed: more may be, but this member was not told. */
  readonly commit: number;
  readonly applied: number;
  /** Of what was applied; entries behind it may add to it. */
  readonly revision: number;
  /** Behind what was applied. */
  readonly entries: readonly Entry[];
  /** An unfinished batch at the end of the log, which was promised to nobody. */
  readonly tornAt: { readonly file: string; readonly offset: number } | undefined;
}

export interface SurvivorPorts {
  readonly disk: Disk;
  readonly openBackend: (directory: string) => Promise<StoreBackend>;
}

export const backendOf = (directory: string): string => join(directory, "member", "backend");

/** Throws `StoreError` in one sentence when the directory holds no member, is in use, or is damaged. */
export async function readSurvivor(directory: string, ports: SurvivorPorts): Promise<Survivor> {
  const log = join(directory, "member", "wal");
  if (!(await walExists(log, ports.disk)))
    throw new StoreError("data-dir-foreign", `${directory} holds no member of this store: there is no log in ${log}`);
  const { identity, hardState, marker, entries, repaired } = await readWal(log, ports.disk);
  const backend = await ports.openBackend(backendOf(directory));
  try {
    const applied = readApplied(backend);
    const last = entries.at(-1) ?? { index: marker.index, term: marker.term };
    if (!applied || applied.index < marker.index || applied.index > last.index)
      throw new StoreError(
        "backend-behind",
        `${directory}: the log has entries ${marker.index} to ${last.index}, the backend ends at ${applied?.index ?? 0}: parts are missing`,
      );
    const membership = backend.getOwn("membership");
    const { revision } = await openMvcc(backend, { minLeaseTtlSeconds: 1 });
    await backend.verify();
    return {
      directory,
      identity,
      members: readMembers(backend.getOwn("members")),
      removed: new Set(readMembers(backend.getOwn("removed")).keys()),
      voters: (membership ? decodeMembership(Buffer.from(membership)) : marker.membership).voters,
      term: hardState.term,
      last: { index: last.index, term: last.term },
      commit: Math.max(hardState.commit, applied.index),
      applied: applied.index,
      revision,
      entries: entries.filter((entry) => entry.index > applied.index),
      tornAt: repaired,
    };
  } finally {
    await backend.close();
  }
}
