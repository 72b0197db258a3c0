// Whatever the machine wants from outside the cluster's private networks is refused: registries above all.
import type { HardshipHand } from "../ground.ts";
import { always } from "../ground.ts";

const tag = "cox-drill-registry";

const rule = (verb: "-I" | "-D"): readonly string[] => [
  ...["iptables", "-w", "10", verb, "OUTPUT", "-o", "eth0", "!", "-d", "10.0.0.0/8"],
  ...["-m", "comment", "--comment", tag, "-j", "REJECT"],
];

export const noRegistry: HardshipHand = {
  available: always,
  impose: async (ground, machine) => void (await ground.run(machine, rule("-I"))),
  async lift(ground, machine) {
    const rules = await ground.run(machine, ["iptables-save", "-t", "filter"]);
    if (rules.includes(tag)) await ground.run(machine, rule("-D"));
  },
};
