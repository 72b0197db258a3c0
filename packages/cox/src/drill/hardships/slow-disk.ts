// Every sync of the machine's store takes so many milliseconds longer: a module that is loaded before the daemon puts a wait before the
// system's fdatasync. (The throttle of the kernel's control groups of version 1 does not see what goes through the page cache.)
import { preload, restartPlain, restartWith } from "../environment.ts";
import type { HardshipHand } from "../ground.ts";
import { always, memberServes } from "../ground.ts";

const source = (ms: number): string => `import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
const real = fs.fdatasync;
fs.fdatasync = (descriptor, done) => void setTimeout(() => real(descriptor, done), ${ms});
syncBuiltinESMExports();
`;

export const slowDisk: HardshipHand = {
  available: always,
  async impose(ground, machine, ms) {
    const line = preload(ground, machine, "slow-disk", source(ms));
    await restartWith(ground, machine, "store", [line]);
    await memberServes(ground, machine);
  },
  lift: (ground, machine) => restartPlain(ground, machine, "store"),
};
