// A share of what reaches the machine is dropped at its cable. Delay would take netem, which not every kernel has; a slow link makes
// packets wait, too.
import type { HardshipHand } from "../ground.ts";
import { always } from "../ground.ts";

const tag = "cox-drill-loss";

const rule = (verb: "-A" | "-D", percent: number): readonly string[] => [
  ...["iptables", "-w", "10", verb, "INPUT", "-i", "eth0"],
  ...["-m", "statistic", "--mode", "random", "--probability", String(percent / 100)],
  ...["-m", "comment", "--comment", tag, "-j", "DROP"],
];

export const packetLoss: HardshipHand = {
  available: always,
  impose: async (ground, machine, percent) => void (await ground.run(machine, rule("-A", percent))),
  async lift(ground, machine, percent) {
    const rules = await ground.run(machine, ["iptables-save", "-t", "filter"]);
    if (rules.includes(tag)) await ground.run(machine, rule("-D", percent));
  },
};
