// A backup is made as `cox backup` makes it; then every machine loses its power and every master its disk. What lifts it is the backup,
// restored as `cox restore` does it, for as many masters as there were, and power.
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { backUp, restoreFlags, runStoreProgram } from "../../machine/backup.ts";
import { writeRecord } from "../../machine/record.ts";
import type { Ground, HardshipHand } from "../ground.ts";
import { always, asMachine, lostMark, mastersOf, powerUp, storeOf } from "../ground.ts";
import { beginningFlags } from "./beginning.ts";

const backupOf = ({ dataDir }: Ground): string => join(dataDir, "drill-backup");

export const lostCluster: HardshipHand = {
  available: always,
  async impose(ground, machine) {
    rmSync(backupOf(ground), { recursive: true, force: true });
    // What was acknowledged until now is in it: this member has applied it when it has answered.
    const member = ground.store?.connect(machine);
    await member?.kv.range({ key: Buffer.from("backup?") }).finally(() => member.close());
    using own = asMachine(ground, machine);
    writeRecord(own.directory, own.record);
    await backUp(own.directory, backupOf(ground), ground.clock);
    for (const { name } of mastersOf(ground)) writeFileSync(lostMark(ground, name), "");
    for (const { name } of ground.machines) await ground.lab("off", name);
    for (const { name } of mastersOf(ground)) rmSync(storeOf(ground, name), { recursive: true, force: true });
  },
  async lift(ground) {
    const masters = mastersOf(ground).map(({ name }) => name);
    const lost = masters.filter((name) => existsSync(lostMark(ground, name)));
    // Between the backup and the loss of the disks nothing is lost yet.
    const gone = lost.filter((name) => !existsSync(join(storeOf(ground, name), "member")));
    if (gone.length > 0) {
      for (const name of masters) {
        rmSync(storeOf(ground, name), { recursive: true, force: true });
        const target = [`--data-dir=${storeOf(ground, name)}`, ...beginningFlags(ground, name)];
        const snapshot = join(backupOf(ground), "store.db");
        await runStoreProgram(["snapshot", "restore", snapshot, ...target, ...restoreFlags]);
      }
    }
    await powerUp(ground);
    for (const name of lost) rmSync(lostMark(ground, name));
    rmSync(backupOf(ground), { recursive: true, force: true });
  },
};
