// The member's data moves to a small disk in memory, which is then filled to the last byte. Lifting empties it and moves the data back.
// Should the machine lose its power meanwhile, its member has lost its disk and is replaced as a lost master is.
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { restartPlain, restartWith } from "../environment.ts";
import type { Ground, HardshipHand } from "../ground.ts";
import { always, memberServes, scratchOf, storeOf } from "../ground.ts";
import { replaceMaster } from "./lost-master.ts";

const quoted = (text: string): string => `'${text}'`;
const isMounted = (place: string): string => `grep -q ${quoted(` ${place} `)} /proc/self/mountinfo`;

export const fullDisk: HardshipHand = {
  available: always,
  async impose(ground, machine, spareMiB) {
    const [store, disk] = [storeOf(ground, machine), join(scratchOf(ground, machine), "disk")];
    mkdirSync(disk, { recursive: true });
    await restartWith(ground, machine, "store", [
      `if ! ${isMounted(store)}; then`,
      `  size=$(( $(du -sm ${quoted(store)} | cut -f1) + ${spareMiB} ))`,
      `  mount -t tmpfs -o size=\${size}m tmpfs ${quoted(disk)} || exit 1`,
      `  cp -a ${quoted(store)}/. ${quoted(disk)}/ || exit 1`,
      `  rm -rf ${quoted(`${store}/member`)}`,
      `  mount --bind ${quoted(disk)} ${quoted(store)} || exit 1`,
      "fi",
    ]);
    await memberServes(ground, machine);
    // Ends by itself where there is no room for more.
    const fill = `dd if=/dev/zero of=${quoted(`${store}/filler`)} bs=64k 2>/dev/null || true`;
    await ground.run(machine, ["sh", "-c", fill]);
  },
  async lift(ground, machine) {
    const [store, disk] = [storeOf(ground, machine), join(scratchOf(ground, machine), "disk")];
    if (!existsSync(disk)) return;
    if (await hasSmallDisk(ground, machine, store)) {
      await ground.run(machine, ["rm", "-f", `${store}/filler`]);
      await memberServes(ground, machine);
      await restartWith(ground, machine, "store", [
        `if ${isMounted(store)}; then`,
        `  umount ${quoted(store)} || exit 1`,
        `  cp -a ${quoted(disk)}/. ${quoted(store)}/ || exit 1`,
        `  umount ${quoted(disk)} || exit 1`,
        "fi",
      ]);
    }
    await restartPlain(ground, machine, "store", false);
    if (!existsSync(join(store, "member"))) await replaceMaster(ground, machine);
    await ground.run(machine, ["sh", "-c", `rmdir ${quoted(disk)} 2>/dev/null || true`]);
  },
};

async function hasSmallDisk(ground: Ground, machine: string, store: string): Promise<boolean> {
  const pidFile = join(ground.dataDir, "lab", machine, "init.pid");
  if (!existsSync(pidFile)) return false;
  return readFileSync(`/proc/${readFileSync(pidFile, "utf8").trim()}/mountinfo`, "utf8").includes(` ${store} `);
}
