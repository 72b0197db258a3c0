// The machine's cable carries so many kilobits a second: what is sent faster waits up to 400 ms, then it is dropped.
import type { HardshipHand } from "../ground.ts";
import { always } from "../ground.ts";

export const slowLink: HardshipHand = {
  available: always,
  impose: async (ground, machine, kilobits) =>
    void (await ground.run(machine, [
      ...["tc", "qdisc", "replace", "dev", "eth0", "root", "tbf"],
      ...["rate", `${kilobits}kbit`, "burst", "16kb", "latency", "400ms"],
    ])),
  async lift(ground, machine) {
    const disciplines = await ground.run(machine, ["tc", "qdisc", "show", "dev", "eth0"]);
    if (disciplines.includes("tbf")) await ground.run(machine, ["tc", "qdisc", "del", "dev", "eth0", "root"]);
  },
};
