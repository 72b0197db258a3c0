// All masters lose their power, and all but one their disks. `store recover` looks at what is left and makes the members of a new store of it,
// above every revision that anybody has seen.
import { existsSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { runStoreProgram } from "../../machine/backup.ts";
import type { HardshipHand } from "../ground.ts";
import { always, lostMark, mastersOf, powerUp, storeOf } from "../ground.ts";
import { beginningFlags } from "./beginning.ts";

export const lostQuorum: HardshipHand = {
  available: always,
  async impose(ground, survivor) {
    const masters = mastersOf(ground).map(({ name }) => name);
    for (const name of masters.filter((each) => each !== survivor)) writeFileSync(lostMark(ground, name), "");
    for (const name of masters) await ground.lab("off", name);
    for (const name of masters.filter((each) => each !== survivor))
      rmSync(storeOf(ground, name), { recursive: true, force: true });
  },
  async lift(ground, survivor) {
    const masters = mastersOf(ground).map(({ name }) => name);
    const lost = masters.filter((name) => existsSync(lostMark(ground, name)));
    if (lost.length > 0) {
      const made = (name: string): string => `${storeOf(ground, name)}.recovered`;
      for (const name of masters) {
        rmSync(made(name), { recursive: true, force: true });
        const target = [`--data-dir=${made(name)}`, ...beginningFlags(ground, name)];
        await runStoreProgram(["recover", storeOf(ground, survivor), ...target]);
      }
      // The survivor's own comes last: until then all of this can be done again.
      for (const name of [...masters.filter((each) => each !== survivor), survivor]) {
        rmSync(storeOf(ground, name), { recursive: true, force: true });
        renameSync(made(name), storeOf(ground, name));
      }
      for (const name of lost) rmSync(lostMark(ground, name));
    }
    await powerUp(ground);
  },
};
