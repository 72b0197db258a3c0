// What will be done to a cluster, as a value drawn from a seed: its size and settings, the load, the faults and when. A failing run is
// made smaller by taking things out of its plan, and repeated by naming what is left. It does nothing itself.
import { createDice } from "../world/dice.ts";
import type { Dice } from "../world/dice.ts";
import type { WorkloadMix } from "./workload.ts";

export const faultKinds = [
  "kill",
  "power",
  "stop",
  "kill-all",
  "power-all",
  "pause",
  "split",
  "one-way",
  "bridge",
  "isolate-leader",
  "clock-jump",
  "clock-drift",
  "slow-disk",
  "full-disk",
  "fail-sync",
  "lose-sync",
  "misdirect",
  "flip-wal",
  "flip-snapshot",
  "transfer",
  "add",
  "remove",
  "replace",
] as const;
export type FaultKind = (typeof faultKinds)[number];

/** One fault: from `atMs` on, for `forMs`, where that makes sense. `whom` and `how` say which machine and how much, in [0, 1). */
export interface Fault {
  readonly id: number;
  readonly kind: FaultKind;
  readonly atMs: number;
  readonly forMs: number;
  readonly whom: number;
  readonly how: number;
}

export const rateNames = ["loss", "duplicate", "reorder", "delay", "clientLoss"] as const;
export type RateName = (typeof rateNames)[number];
export type Rates = Readonly<Record<RateName, number>>;

export interface Plan {
  readonly seed: number;
  /** Another order of events under the same plan: what is left of a plan may need other luck to break the same promise. */
  readonly luck: number;
  readonly members: number;
  readonly heartbeatMs: number;
  readonly electionMs: number;
  readonly snapshotCount: number;
  readonly catchUpEntries: number;
  readonly walSegmentBytes: number;
  readonly quotaBytes: number;
  readonly latencyMicros: number;
  readonly diskMicros: number;
  readonly clients: number;
  /** Of them: those that do not wait for answers. */
  readonly ahead: number;
  readonly thinkMs: number;
  readonly watchers: number;
  readonly mix: WorkloadMix;
  readonly faults: readonly Fault[];
  readonly rates: Rates;
  /** Faults and load end here. */
  readonly safetyMs: number;
}

/** Faults that leave a disk in a state that no consensus can promise anything about: the member must refuse, or be replaced. */
const untrustworthy: readonly FaultKind[] = ["lose-sync", "misdirect", "flip-wal", "flip-snapshot"];

export function drawPlan(seed: number): Plan {
  const dice = createDice(seed, "plan");
  const members = dice.pick([1, 3, 3, 3, 3, 3, 3, 5, 5]);
  const heartbeatMs = dice.pick([20, 50, 100]);
  const safetyMs = Math.round(dice.between(3000, 9000));
  const some = (least: number, most: number, probability: number): number =>
    dice.chance(probability) ? dice.between(least, most) : 0;
  return {
    seed,
    luck: 0,
    members,
    heartbeatMs,
    electionMs: heartbeatMs * 10,
    snapshotCount: dice.pick([10, 40, 150, 1000]),
    catchUpEntries: dice.pick([2, 10, 50]),
    walSegmentBytes: dice.pick([4096, 8192, 32_768]),
    quotaBytes: dice.chance(0.1) ? 20_000 + dice.int(20_000) : -1,
    latencyMicros: dice.pick([200, 500, 5000]),
    diskMicros: dice.pick([50, 200, 2000]),
    clients: 1 + dice.int(5),
    ahead: dice.pick([0, 0, 1, 1, 2]),
    thinkMs: dice.pick([5, 20, 60]),
    watchers: dice.int(4),
    mix: {
      keys: 1 + dice.int(6),
      reads: dice.between(10, 40),
      deletes: dice.between(2, 20),
      txns: dice.between(5, 30),
      leases: some(2, 15, 0.5),
      compactions: some(1, 6, 0.6),
    },
    faults: drawFaults(dice.fork("faults"), { safetyMs, members, electionMs: heartbeatMs * 10 }),
    rates: {
      loss: some(0.001, 0.1, 0.4),
      duplicate: some(0.001, 0.05, 0.4),
      reorder: some(0.01, 0.3, 0.4),
      delay: some(0.001, 0.05, 0.3),
      clientLoss: some(0.01, 0.1, 0.5),
    },
    safetyMs,
  };
}

/** Each seed has a handful of the kinds, so that each kind is also seen without the others. */
function drawFaults(
  dice: Dice,
  { safetyMs, members, electionMs }: Pick<Plan, "safetyMs" | "members" | "electionMs">,
): readonly Fault[] {
  const possible = faultKinds.filter((kind) => members > 1 || !(untrustworthy.includes(kind) || kind === "replace"));
  const kinds = possible.filter(() => dice.chance(0.3));
  if (kinds.length === 0) return [];
  const faults: Fault[] = [];
  const everyMs = dice.pick([200, 500, 1500]);
  for (let atMs = 300 + dice.latency(everyMs); atMs < safetyMs; atMs += dice.latency(everyMs)) {
    faults.push({
      id: faults.length,
      kind: dice.pick(kinds),
      atMs: Math.round(atMs),
      // Half of them just long enough that another leader is found meanwhile: that is when the old one is dangerous.
      forMs: Math.round(dice.chance(0.5) ? electionMs * dice.between(1, 4) : dice.latency(dice.pick([50, 400, 1500]))),
      whom: dice.next(),
      how: dice.next(),
    });
  }
  return faults;
}

/** What is left of a plan: the flags of `npm run sim`. */
export interface Reduction {
  /** Ids of the faults to keep; undefined: all. */
  readonly only?: readonly number[];
  readonly without?: readonly RateName[];
  readonly untilMs?: number;
  readonly clients?: number;
  readonly watchers?: number;
  readonly luck?: number;
}

export function reduced(plan: Plan, { only, without = [], untilMs, clients, watchers, luck = 0 }: Reduction): Plan {
  const safetyMs = Math.min(plan.safetyMs, untilMs ?? plan.safetyMs);
  return {
    ...plan,
    luck,
    safetyMs,
    clients: Math.min(plan.clients, clients ?? plan.clients),
    watchers: Math.min(plan.watchers, watchers ?? plan.watchers),
    faults: plan.faults.filter(({ id, atMs }) => atMs < safetyMs && (only === undefined || only.includes(id))),
    rates: {
      ...plan.rates,
      ...Object.fromEntries(without.map((name) => [name, 0])),
    },
  };
}
