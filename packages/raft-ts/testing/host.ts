// One machine of the simulation: its disk, its node while it runs, and what it has applied.
import type {
  Entry,
  HardState,
  Membership,
  MemoryStorage,
  NodeId,
  RaftNode,
  Ready,
  Snapshot,
  Term,
} from "../src/index.ts";

export interface Disk {
  hardState: HardState;
  entries: Entry[];
  /** Stands for everything before `entries`; its data is the applied history's digest. */
  snapshot: Snapshot;
}

export interface Host {
  readonly id: NodeId;
  disk: Disk;
  node: RaftNode | undefined;
  /** Its disk is at work on this; messages and ticks go on. */
  outstanding: Ready | undefined;
  storage: MemoryStorage;
  applied: number;
  appliedTerm: Term;
  membership: Membership;
  digest: string;
  lastIndexAsLeader: { term: Term; lastIndex: number } | undefined;
}

export interface Committed {
  readonly term: Term;
  readonly text: string;
  readonly digest: string;
}

export const text = (data: Uint8Array): string => Buffer.from(data).toString("latin1");

/** Always of the present: an older one may not know the member it is meant for. */
export function snapshotOf(host: Host): Snapshot {
  return { index: host.applied, term: host.appliedTerm, membership: host.membership, data: Buffer.from(host.digest) };
}

/** A short digest of a history: FNV-1a over what was applied. */
export function digestOf(before: string, term: Term, content: string): string {
  let hash = 0x811c9dc5;
  const whole = `${before}|${term}|${content}`;
  for (let position = 0; position < whole.length; position++)
    hash = Math.imul(hash ^ whole.charCodeAt(position), 0x01000193);
  return (hash >>> 0).toString(16);
}
