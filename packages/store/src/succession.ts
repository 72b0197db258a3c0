// What a follower does when the connection to its leader breaks. A process that dies closes its connections at once: that is news of its
// death long before an election timeout. So the follower forgets the leader (it no longer refuses others on its behalf), waits a random
// moment so that not everybody asks at once, and asks for pre-votes. If the news is wrong nobody is disturbed: members that still hear
// the leader do not answer, and its next heartbeat is believed again.
import type { Clock, Random, Timer } from "@coxswain/clock";
import type { Message, RaftNode } from "raft-ts";

export interface SuccessionPorts {
  readonly node: Pick<RaftNode, "leader" | "term" | "forgetLeader" | "campaign">;
  /** The node was spoken to directly. */
  readonly wake: () => void;
  readonly clock: Clock;
  readonly random: Random;
}

/** The first question comes within this time; later ones, should it have led to nothing, after two to four times as long. */
const spreadMs = 100;
const mostQuestions = 5;

export class Succession {
  readonly #ports: SuccessionPorts;
  #timer: Timer | undefined;
  #questions = 0;
  /** Another member asked for pre-votes since the last look: it may win first. */
  #overtaken = false;

  constructor(ports: SuccessionPorts) {
    this.#ports = ports;
  }

  /** The connection to a member broke. */
  disconnected(id: bigint): void {
    const { node, wake, random } = this.#ports;
    if (id !== node.leader || this.#timer) return;
    node.forgetLeader();
    wake();
    this.#questions = 0;
    this.#overtaken = false;
    this.#arm(random.int(spreadMs));
  }

  /** A message arrived. */
  heard(message: Message): void {
    if (this.#timer && message.type === "pre-vote" && message.term > this.#ports.node.term) this.#overtaken = true;
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #arm(delayMs: number): void {
    this.#timer = this.#ports.clock.setTimeout(() => {
      this.#timer = undefined;
      this.#look();
    }, delayMs);
  }

  #look(): void {
    const { node, wake, random } = this.#ports;
    if (node.leader !== undefined || this.#questions >= mostQuestions) return;
    this.#questions++;
    if (!this.#overtaken) {
      node.campaign();
      wake();
    }
    this.#overtaken = false;
    this.#arm(2 * spreadMs + random.int(2 * spreadMs));
  }
}
