// How many bytes went to and came from each member, over all connections since the start. Asked only when somebody looks at the metrics.
import type { Socket } from "node:net";

export interface PeerTraffic {
  readonly sentBytes: number;
  readonly receivedBytes: number;
}

export class Traffic {
  readonly #ended = new Map<bigint, PeerTraffic>();
  readonly #live = new Map<Socket, bigint>();

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
    return totals;
  }
}

function add(known: PeerTraffic | undefined, { bytesWritten, bytesRead }: Socket): PeerTraffic {
  return {
    sentBytes: (known?.sentBytes ?? 0) + bytesWritten,
    receivedBytes: (known?.receivedBytes ?? 0) + bytesRead,
  };
}
