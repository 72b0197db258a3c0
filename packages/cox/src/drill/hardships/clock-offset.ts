// The machine's daemons take another time of day for the true one: a module that is loaded before each of them moves Date. The kernel's
// own clock is everybody's, so certificates are still judged by the true one.
import type { DaemonName } from "@coxswain/drill";
import { preload, restartPlain, restartWith } from "../environment.ts";
import type { Ground, HardshipHand } from "../ground.ts";
import { always, machineOf } from "../ground.ts";

const source = (seconds: number): string => `const offset = ${seconds * 1000};
const Real = Date;
globalThis.Date = class Date extends Real {
  constructor(...given) {
    if (given.length === 0) super(Real.now() + offset);
    else super(...given);
  }
  static now() {
    return Real.now() + offset;
  }
};
`;

function daemonsOf(ground: Ground, name: string): readonly DaemonName[] {
  const { master, worker } = machineOf(ground, name);
  const control = ["store", "apiserver", "scheduler", "controller-manager"] as const;
  const node = ["node-agent", "proxy", "dns"] as const;
  return [...(master ? control : []), ...(worker ? node : [])];
}

export const clockOffset: HardshipHand = {
  available: always,
  async impose(ground, machine, seconds) {
    const line = preload(ground, machine, "clock-offset", source(seconds));
    for (const daemon of daemonsOf(ground, machine)) await restartWith(ground, machine, daemon, [line]);
  },
  async lift(ground, machine) {
    for (const daemon of daemonsOf(ground, machine)) await restartPlain(ground, machine, daemon);
  },
};
