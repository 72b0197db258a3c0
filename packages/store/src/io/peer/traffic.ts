// How many bytes went to and came from each member, over all connections since the start, and how many messages could not go. Asked only
// when somebody looks at the metrics.
import type { Socket } from "node:net";

export interface PeerTraffic {
  readonly sentBytes: number;
  readonly receivedBytes: number;
  /** Messages that were dropped: no connection, or too much unsent on it. */
  readonly dropped: number;
}

const none: PeerTraffic = { sentBytes: 0, receivedBytes: 0, dropped: 0 };

export class Traffic {
  readonly #ended = new Map<bigint, PeerTraffic>();
  readonly #live = new Map<Socket, bigint>();
  readonly #dropped = new Map<bigint, number>();

  /** A message to that member could not be sent. */
  drop(peer: bigint): void {
    this.#dropped.set(peer, (this.#dropped.get(peer) ?? 0) + 1);
  }

  /** This connection is one to or from that member. Who only asks who is in the cluster has no id (0) and is not counted. */
  follow(peer: bigint, socket: Socket): void {
    if (peer === 0n || socket.destroyed) return;
    this.#live.set(socket, peer);
    socket.once("close", () => {
      this.#live.delete(socket);
      this.#ended.set(peer, add(this.#ended.get(peer), socket));
    });
  }

  totals(): ReadonlyMap<bigint, PeerTraffic> {
    const totals = new Map(this.#ended);
    for (const [socket, peer] of this.#live) totals.set(peer, add(totals.get(peer), socket));
    for (const [peer, dropped] of this.#dropped) totals.set(peer, { ...(totals.get(peer) ?? none), dropped });
    return totals;
  }
}

function add(known: PeerTraffic = none, { bytesWritten, bytesRead }: Socket): PeerTraffic {
  return { ...known, sentBytes: known.sentBytes + bytesWritten, receivedBytes: known.receivedBytes + bytesRead };
}
