// Linearizable reads without the log (thesis, 6.4): the leader notes its commit index, makes sure by a round of heartbeats that it
// still leads, and then the read may be served from any state that has applied that index.
import type { Index, NodeId } from "./entry.ts";

export interface PendingRead {
  /** Who asked; the answer goes there. */
  readonly from: NodeId;
  readonly context: string;
  readonly index: Index;
  /**
   * What the heartbeats that confirm it carry. Never the asker's context: who asks again for the same one, its answer having been lost,
   * would have its new read, and all before it, confirmed by answers to the heartbeats of the old one.
   */
  readonly round: string;
  readonly acks: Set<NodeId>;
}

export interface ReadQueue {
  /** In the order of arrival: a round that confirms one confirms all before it. */
  pending: PendingRead[];
  /** Rounds so far in this leadership. Answers from another one carry another term. */
  rounds: number;
}

export function createReadQueue(): ReadQueue {
  return { pending: [], rounds: 0 };
}

export function addRead(queue: ReadQueue, read: { from: NodeId; context: string; index: Index; self: NodeId }): void {
  if (queue.pending.some((known) => known.context === read.context)) return;
  const round = String(++queue.rounds);
  queue.pending.push({ from: read.from, context: read.context, index: read.index, round, acks: new Set([read.self]) });
}

/** Counts an answer; the acknowledgements so far, or undefined when nobody waits for that round. */
export function acknowledge(queue: ReadQueue, id: NodeId, round: string): ReadonlySet<NodeId> | undefined {
  const read = queue.pending.find((known) => known.round === round);
  return read?.acks.add(id);
}

/** Takes out the confirmed read and all that came before it. */
export function confirmThrough(queue: ReadQueue, round: string): PendingRead[] {
  const position = queue.pending.findIndex((known) => known.round === round);
  return position < 0 ? [] : queue.pending.splice(0, position + 1);
}

export function newestRound(queue: ReadQueue): string {
  return queue.pending.at(-1)?.round ?? "";
}
