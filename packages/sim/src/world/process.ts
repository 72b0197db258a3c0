// One running program on the simulated machine: everything that happens to it goes through `post`, so that a killed process hears
// nothing any more and a stopped one hears it all when it goes on. Its clock drifts and jumps; its timers follow the drift.
import type { Clock, Timer } from "@coxswain/clock";
import { sleepWith } from "@coxswain/clock/testing";
import type { Dice } from "./dice.ts";
import type { Micros, World } from "./world.ts";

/** How a process sees time; belongs to the machine and outlives the process. */
export interface Oscillator {
  /** Local seconds in a second of the world. */
  rate: number;
  /** Local time when the rate was last set, and when that was. */
  base: Micros;
  since: Micros;
  /** Wall time minus monotonic time. */
  wallOffsetMs: number;
}

export function createOscillator(): Oscillator {
  return { rate: 1, base: 0, since: 0, wallOffsetMs: Date.UTC(2026, 0, 1) };
}

export function localMicros(oscillator: Oscillator, now: Micros): Micros {
  return oscillator.base + (now - oscillator.since) * oscillator.rate;
}

/** Time goes on from where it is, at another speed. */
export function setRate(oscillator: Oscillator, now: Micros, rate: number): void {
  oscillator.base = localMicros(oscillator, now);
  oscillator.since = now;
  oscillator.rate = rate;
}

export class SimProcess {
  readonly name: string;
  readonly clock: Clock;
  readonly random: Dice;
  readonly #world: World;
  readonly #onBug: (error: unknown) => void;
  #state: "running" | "paused" | "dead" = "running";
  #backlog: { readonly channel: string; readonly work: () => void }[] = [];

  /** `onBug` hears what an event in the process threw: the end of a real one. */
  constructor(name: string, world: World, oscillator: Oscillator, random: Dice, onBug: (error: unknown) => void) {
    this.name = name;
    this.random = random;
    this.#world = world;
    this.#onBug = onBug;
    const start = (wake: () => void, delayMs: number): Timer =>
      this.post((Math.max(0, delayMs) * 1000) / oscillator.rate, "timer", wake);
    const monotonic = (): number => Math.floor(localMicros(oscillator, world.now)) / 1000;
    this.clock = {
      monotonic,
      now: () => oscillator.wallOffsetMs + Math.floor(monotonic()),
      setTimeout: start,
      sleep: (delayMs, signal) => sleepWith(start, delayMs, signal),
    };
  }

  get alive(): boolean {
    return this.#state !== "dead";
  }

  get paused(): boolean {
    return this.#state === "paused";
  }

  /**
   * Does it in the process, after the delay; never when the process is dead by then. What comes on one channel (a connection, say) stays
   * in order even when the process was stopped meanwhile.
   */
  post(delay: Micros, label: string, work: () => void, channel: string = "itself"): Timer {
    let cancelled = false;
    const guarded = (): void => {
      if (cancelled || this.#state === "dead") return;
      if (this.#state === "paused") {
        this.#backlog.push({ channel, work: guarded });
        return;
      }
      try {
        work();
      } catch (error) {
        this.#onBug(error);
      }
    };
    const event = this.#world.schedule(delay, `${this.name} ${label}`, guarded);
    return {
      cancel: () => {
        cancelled = true;
        event.cancel();
      },
    };
  }

  /** Resolves in the process after the delay. */
  wait(delay: Micros, label: string): Promise<void> {
    return new Promise((resolve) => this.post(delay, label, resolve));
  }

  pause(): void {
    if (this.#state === "running") this.#state = "paused";
  }

  resume(): void {
    if (this.#state !== "paused") return;
    this.#state = "running";
    // The kernel hands over what came on each connection in order, but the connections in any: a request of now may overtake a message
    // of long ago.
    const waiting = Map.groupBy(this.#backlog.splice(0), ({ channel }) => channel);
    while (waiting.size > 0) {
      const channel = this.random.pick([...waiting.keys()]);
      const next = waiting.get(channel)?.shift();
      if (next) this.#world.schedule(0, `${this.name} late`, next.work);
      else waiting.delete(channel);
    }
  }

  kill(): void {
    this.#state = "dead";
    this.#backlog = [];
  }
}
