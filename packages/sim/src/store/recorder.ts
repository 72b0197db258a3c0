// Writes down what clients see, in the form the checkers read. Two things that happened one after the other get different moments.
import type { History, Operation, Outcome, Request, WatchRecord } from "@coxswain/drill";
import type { World } from "../world/world.ts";

export class Recorder {
  readonly #world: World;
  readonly #operations: Operation[] = [];
  readonly #watches: WatchRecord[] = [];
  #last = 0;

  constructor(world: World) {
    this.#world = world;
  }

  /** Milliseconds, later than ever before. */
  moment(): number {
    this.#last = Math.max(this.#world.now, this.#last + 0.001);
    return this.#last / 1000;
  }

  begin(client: number, member: string, request: Request): (outcome: Outcome) => void {
    const start = this.moment();
    let open = true;
    return (outcome) => {
      if (!open) return;
      open = false;
      this.#operations.push({
        id: this.#operations.length,
        client,
        member,
        start,
        end: this.moment(),
        request,
        outcome,
      });
    };
  }

  watch(record: WatchRecord): void {
    this.#watches.push(record);
  }

  get watchCount(): number {
    return this.#watches.length;
  }

  get operationCount(): number {
    return this.#operations.length;
  }

  history(): History {
    return { operations: this.#operations, watches: this.#watches };
  }
}
