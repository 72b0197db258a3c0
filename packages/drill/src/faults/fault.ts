// A fault is a thing to break and a way to make it whole again. What it breaks it draws from a Random, so that a seed repeats it.
import type { Clock, Random } from "@coxswain/clock";
import type { Members } from "./members.ts";

export interface Fault {
  readonly name: string;
  /** Why it cannot be had here; undefined if it can. */
  available(members: Members): string | undefined;
  /** Breaks it, lasts for a while, and mends it. Everything it has broken is whole when this resolves. Says what was done. */
  strike(members: Members, ports: FaultPorts): Promise<string>;
}

export interface FaultPorts {
  readonly clock: Clock;
  readonly random: Random;
}

/** Any of them. There must be one. */
export function anyOf<T>(list: readonly T[], random: Random): T {
  return list[random.int(list.length)] as T;
}
