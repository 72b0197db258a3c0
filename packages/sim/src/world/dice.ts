// Chance from a seed, in streams of their own: what the network draws does not change what the disk draws.
import type { Random } from "@coxswain/clock";
import { createSeededRandom } from "@coxswain/clock/testing";

export interface Dice extends Random {
  /** True with that probability. Draws nothing when it is 0. */
  chance(probability: number): boolean;
  /** Uniform in [least, most). */
  between(least: number, most: number): number;
  /** Mostly small, sometimes ten times as much: what latencies are like. */
  latency(typical: number): number;
  pick<T>(items: readonly T[]): T;
  /** An independent stream. */
  fork(name: string): Dice;
}

export function createDice(seed: number, name: string = ""): Dice {
  const random = createSeededRandom(mix(seed, name));
  return {
    ...random,
    chance: (probability) => probability > 0 && random.next() < probability,
    between: (least, most) => least + random.next() * (most - least),
    latency: (typical) => typical * (0.5 - Math.log(1 - random.next() * 0.999)),
    pick: (items) => {
      if (items.length === 0) throw new RangeError("expected something to pick from, found nothing");
      return items[random.int(items.length)] as never;
    },
    fork: (other) => createDice(seed, `${name}/${other}`),
  };
}

/** FNV-1a over the name, into the seed. */
function mix(seed: number, name: string): number {
  let hash = (seed ^ 0x811c9dc5) >>> 0;
  for (let at = 0; at < name.length; at++) hash = Math.imul(hash ^ name.charCodeAt(at), 0x01000193) >>> 0;
  return hash;
}
