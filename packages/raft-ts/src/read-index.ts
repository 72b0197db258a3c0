// Linearizable reads without the log (thesis, 6.4): the leader notes its commit index, makes sure by a round of heartbeats that it
// still leads, and then the read may be served from any state that has applied that index.
import type { Index, NodeId } from "./entry.ts";

export interface PendingRead {
  /** Who asked; the answer goes there. */
  readonly from: NodeId;
  readonly context: string;
  readonly index: Index;
  readonly acks: Set<NodeId>;
}

export interface ReadQueue {
  /** In the order of arrival: a round that confirms one confirms all before it. */
  pending: PendingRead[];
}

export function createReadQueue(): ReadQueue {
  return { pending: [] };
}

export function addRead(queue: ReadQueue, read: { from: NodeId; context: string; index: Index; self: NodeId }): void {
  if (queue.pending.some((known) => known.context === read.context)) return;
  queue.pending.push({ from: read.from, context: read.context, index: read.index, acks: new Set([read.self]) });
}

/** Counts an answer; the acknowledgements so far, or undefined when nobody waits for that context. */
export function acknowledge(queue: ReadQueue, id: NodeId, context: string): ReadonlySet<NodeId> | undefined {
  const read = queue.pending.find((known) => known.context === context);
  return read?.acks.add(id);
}

/** Takes out the confirmed read and all that came before it. */
export function confirmThrough(queue: ReadQueue, context: string): PendingRead[] {
  const position = queue.pending.findIndex((known) => known.context === context);
  return position < 0 ? [] : queue.pending.splice(0, position + 1);
}

export function newestContext(queue: ReadQueue): string {
  return queue.pending.at(-1)?.context ?? "";
}
