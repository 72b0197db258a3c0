// The seats of one priority level and the queues before them. Who finds no seat waits in one of its flow's queues; the next seat goes to the queue
// that has had the least. "Has had" is counted in virtual time: as much of the level's work as one queue would have got had all that had something
// to do been served at once. After kube-apiserver's `fairqueuing/queueset`.
//
// It knows no clock and no requests: whoever comes gives the time, and is called when a seat is free.
import { Demand } from "./demand.ts";
import { deal } from "./hand.ts";

export type Discipline =
  /** Everybody is let in. */
  | { readonly kind: "exempt" }
  /** Who finds no seat is sent away. */
  | { readonly kind: "reject" }
  | { readonly kind: "queue"; readonly queues: number; readonly handSize: number; readonly longest: number };

export type Arrival = "seated" | "waiting" | "queue-full" | "concurrency-limit";

/** One request at a level, from its arrival to its end. */
export interface Ticket {
  readonly seats: number;
  /** Called once when it has waited and a seat is free. */
  readonly begin: (nowMs: number) => void;
  state: "new" | "waiting" | "seated" | "gone";
  queue: Queue | undefined;
  /** Since when it waits, then since when it is served. */
  sinceMs: number;
  /** The virtual time of its arrival. */
  arrivedAt: number;
}

interface Queue {
  readonly waiting: Ticket[];
  waitingSeats: number;
  served: number;
  /** The virtual time at which its next request would begin. */
  next: number;
}

/** What a request is expected to take, until it has ended and it is known; seconds. */
const expectedSeconds = 0.003;
/** Flows whose hands are remembered. */
const mostHands = 4096;

export class SeatQueues {
  readonly demand: Demand;
  #discipline: Discipline = { kind: "reject" };
  #limit = 0;
  #queues: Queue[] = [];
  #hands = new Map<string, readonly number[]>();
  /** Queues in which somebody waits; who has had its turn goes to the end. */
  readonly #pending = new Set<Queue>();
  #active = 0;
  #virtual = 0;
  #virtualAtMs: number;
  #seated = 0;
  #seatsInUse = 0;
  #waiting = 0;
  #waitingSeats = 0;

  constructor(nowMs: number) {
    this.demand = new Demand(nowMs);
    this.#virtualAtMs = nowMs;
  }

  get limit(): number {
    return this.#limit;
  }
  get isIdle(): boolean {
    return this.#seated === 0 && this.#waiting === 0;
  }

  /** Who waits already stays where it is. */
  configure(discipline: Discipline, nowMs: number): void {
    const [before, now] = [this.#discipline, discipline];
    const isSame = before.kind === "queue" && now.kind === "queue" && before.queues === now.queues;
    if (!isSame) this.#queues = [];
    if (!isSame || before.handSize !== now.handSize) this.#hands.clear();
    this.#discipline = discipline;
    this.#seatWaiting(nowMs);
  }

  setLimit(seats: number, nowMs: number): void {
    this.#advance(nowMs);
    this.#limit = seats;
    this.#seatWaiting(nowMs);
  }

  arrive(ticket: Ticket, flow: string, nowMs: number): Arrival {
    const discipline = this.#discipline;
    ticket.sinceMs = nowMs;
    if (discipline.kind !== "queue") {
      if (discipline.kind === "reject" && !this.#hasRoomFor(ticket)) return "concurrency-limit";
      this.#seat(ticket, nowMs);
      return "seated";
    }
    this.#advance(nowMs);
    const queue = this.#shortest(flow, discipline);
    if (this.#seatsInUse >= this.#limit && queue.waiting.length >= discipline.longest) return "queue-full";
    ticket.queue = queue;
    ticket.arrivedAt = this.#virtual;
    if (isAtRest(queue)) {
      queue.next = this.#virtual;
      this.#active += 1;
    }
    if (this.#pending.size === 0 && this.#hasRoomFor(ticket)) {
      this.#seat(ticket, nowMs);
      return "seated";
    }
    ticket.state = "waiting";
    queue.waiting.push(ticket);
    queue.waitingSeats += ticket.seats;
    this.#pending.add(queue);
    this.#waiting += 1;
    this.#waitingSeats += ticket.seats;
    this.demand.set(this.#seatsInUse + this.#waitingSeats, nowMs);
    return "waiting";
  }

  /** It has been served; may be called again. */
  finish(ticket: Ticket, nowMs: number): void {
    if (ticket.state !== "seated") return;
    this.#advance(nowMs);
    ticket.state = "gone";
    this.#seated -= 1;
    this.#seatsInUse -= ticket.seats;
    const { queue } = ticket;
    if (queue) {
      queue.served -= 1;
      queue.next += ((nowMs - ticket.sinceMs) / 1000 - expectedSeconds) * ticket.seats;
      if (isAtRest(queue)) this.#active -= 1;
    }
    this.demand.set(this.#seatsInUse + this.#waitingSeats, nowMs);
    this.#seatWaiting(nowMs);
  }

  /** It does not want to wait any longer. */
  leave(ticket: Ticket, nowMs: number): void {
    const { queue } = ticket;
    if (ticket.state !== "waiting" || !queue) return;
    this.#advance(nowMs);
    this.#take(queue, queue.waiting.indexOf(ticket));
    ticket.state = "gone";
    if (isAtRest(queue)) this.#active -= 1;
    this.demand.set(this.#seatsInUse + this.#waitingSeats, nowMs);
    this.#seatWaiting(nowMs);
  }

  /** The queue of the flow's hand before which least is to be done. */
  #shortest(flow: string, { queues, handSize }: Extract<Discipline, { kind: "queue" }>): Queue {
    let hand = this.#hands.get(flow);
    if (!hand) {
      if (this.#hands.size >= mostHands) this.#hands.clear();
      this.#hands.set(flow, (hand = deal(flow, queues, handSize)));
    }
    let best: Queue | undefined;
    for (const card of hand) {
      const queue = (this.#queues[card] ??= { waiting: [], waitingSeats: 0, served: 0, next: 0 });
      if (!best || queue.waitingSeats < best.waitingSeats) best = queue;
      if (best.waitingSeats === 0) break;
    }
    if (!best) throw new Error("a flow has been dealt no queue");
    return best;
  }

  #seatWaiting(nowMs: number): void {
    while (this.#pending.size > 0) {
      const queue = this.#leastServed();
      const first = queue.waiting[0];
      if (!first || !this.#hasRoomFor(first)) return;
      this.#take(queue, 0);
      // Others that have had as little come first next time.
      if (this.#pending.delete(queue)) this.#pending.add(queue);
      const sinceMs = first.sinceMs;
      this.#seat(first, nowMs);
      first.begin(nowMs - sinceMs);
    }
  }

  #leastServed(): Queue {
    let best: Queue | undefined;
    let least = Infinity;
    for (const queue of this.#pending) {
      const first = queue.waiting[0];
      if (!first) continue;
      // A queue that did not use what it could have had does not save it up.
      queue.next = Math.max(queue.next, first.arrivedAt);
      const end = queue.next + first.seats * expectedSeconds;
      if (end < least) [best, least] = [queue, end];
    }
    if (!best) throw new Error("a queue in which nobody waits is kept among those in which somebody does");
    return best;
  }

  #take(queue: Queue, at: number): void {
    const [ticket] = queue.waiting.splice(at, 1);
    if (!ticket) return;
    queue.waitingSeats -= ticket.seats;
    this.#waiting -= 1;
    this.#waitingSeats -= ticket.seats;
    if (queue.waiting.length === 0) this.#pending.delete(queue);
  }

  #seat(ticket: Ticket, nowMs: number): void {
    ticket.state = "seated";
    ticket.sinceMs = nowMs;
    this.#seated += 1;
    this.#seatsInUse += ticket.seats;
    if (ticket.queue) {
      ticket.queue.served += 1;
      ticket.queue.next += ticket.seats * expectedSeconds;
    }
    this.demand.set(this.#seatsInUse + this.#waitingSeats, nowMs);
  }

  /** One that is wider than the level has all of it to itself. */
  #hasRoomFor({ seats }: Ticket): boolean {
    if (this.#discipline.kind === "exempt") return true;
    return seats > this.#limit ? this.#seated === 0 : this.#seatsInUse + seats <= this.#limit;
  }

  #advance(nowMs: number): void {
    const passedMs = nowMs - this.#virtualAtMs;
    this.#virtualAtMs = nowMs;
    if (this.#active === 0 || passedMs <= 0) return;
    const rate = Math.min(this.#seatsInUse + this.#waitingSeats, this.#limit) / this.#active;
    this.#virtual += (passedMs / 1000) * rate;
  }
}

export function createTicket(seats: number, begin: Ticket["begin"]): Ticket {
  return { seats, begin, state: "new", queue: undefined, sinceMs: 0, arrivedAt: 0 };
}

function isAtRest({ waiting, served }: Queue): boolean {
  return waiting.length === 0 && served === 0;
}
