// The simulated world: one queue that orders everything that happens, by simulated time and then by the order in which it was asked for.
// Between two events every promise settles, so that nothing the simulated programs do can depend on the machine they run on. The trace
// of a run is a hash over all events. It knows no processes, disks or networks.
import { createHash } from "node:crypto";

/** Simulated time, in whole microseconds since the world began. */
export type Micros = number;

export interface Scheduled {
  cancel(): void;
}

interface Event {
  readonly at: Micros;
  readonly order: number;
  readonly label: string;
  /** Undefined once it is cancelled or done. */
  run: (() => void) | undefined;
}

/** Immediates in one turn of the loop: Node settles all promises between two of them, and looks at the outside world only after the last. */
const eventsPerTurn = 128;
const mostEvents = 3_000_000;

export class World {
  #now: Micros = 0;
  #order = 0;
  readonly #queue = new EventHeap();
  readonly #hash = createHash("sha256");
  readonly #listener: ((line: string) => void) | undefined;
  #events = 0;

  /** `listener` hears every line of the trace. */
  constructor(listener?: (line: string) => void) {
    this.#listener = listener;
  }

  get now(): Micros {
    return this.#now;
  }

  get events(): number {
    return this.#events;
  }

  schedule(delay: Micros, label: string, run: () => void): Scheduled {
    const event: Event = { at: this.#now + Math.max(0, Math.round(delay)), order: this.#order++, label, run };
    this.#queue.push(event);
    return { cancel: () => void (event.run = undefined) };
  }

  /** A line of the trace that is no event of its own. */
  note(text: string): void {
    const line = `${this.#now} ${text}`;
    this.#hash.update(line);
    this.#listener?.(line);
  }

  /** The hash of everything so far. Ends the trace. */
  digest(): string {
    return this.#hash.digest("hex");
  }

  /** Lets things happen until `done`, which is asked after every event. Rejects with what an event threw. */
  run(done: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      let over = false;
      const step = (): void => {
        if (over) return;
        try {
          if (done()) {
            over = true;
            resolve();
            return;
          }
          this.#next();
        } catch (error) {
          over = true;
          reject(error as Error);
        }
      };
      const turn = (): void => {
        if (over) return;
        for (let event = 0; event < eventsPerTurn; event++) setImmediate(step);
        setImmediate(turn);
      };
      turn();
    });
  }

  #next(): void {
    let event = this.#queue.pop();
    while (event && !event.run) event = this.#queue.pop();
    if (!event?.run) throw new Error("nothing will ever happen again in this world");
    const { run } = event;
    event.run = undefined;
    this.#now = event.at;
    if (++this.#events > mostEvents)
      throw new Error(`more than ${mostEvents} events: something goes round in circles at ${event.label}`);
    const line = `${event.at} ${event.label}`;
    this.#hash.update(line);
    this.#listener?.(line);
    run();
  }
}

/** A binary heap: the earliest first, and of equally early ones the one that was asked for first. */
class EventHeap {
  readonly #events: Event[] = [];

  push(event: Event): void {
    const events = this.#events;
    let at = events.length;
    events.push(event);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = events[parent] as Event;
      if (!before(event, above)) break;
      events[at] = above;
      at = parent;
    }
    events[at] = event;
  }

  pop(): Event | undefined {
    const events = this.#events;
    const first = events[0];
    const last = events.pop();
    if (!first || !last || first === last) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= events.length) break;
      if (child + 1 < events.length && before(events[child + 1] as Event, events[child] as Event)) child++;
      const below = events[child] as Event;
      if (!before(below, last)) break;
      events[at] = below;
      at = child;
    }
    events[at] = last;
    return first;
  }
}

function before(a: Event, b: Event): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
