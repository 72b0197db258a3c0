// Control groups of the machines, in every hierarchy of the computer (version 1, version 2, or both).
import { existsSync, readFileSync } from "node:fs";
import { mkdir, readFile, readdir, rmdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Clock } from "@coxswain/clock";

interface Hierarchy {
  readonly mountPoint: string;
  readonly version: 1 | 2;
}

/** Makes the group in every hierarchy and returns the directories that a process joins by its number. */
export async function makeGroups(path: string): Promise<readonly string[]> {
  const found = hierarchies();
  const whole = isUnified(found);
  return Promise.all(
    found.map(async ({ mountPoint }) => {
      const group = join(mountPoint, path);
      await mkdir(group, { recursive: true });
      if (whole) await handDown(mountPoint, dirname(path));
      await inheritCpuset(mountPoint, path);
      return whole && existsSync(join(group, "system")) ? join(group, "system") : group;
    }),
  );
}

/**
 * Version 2 gives controllers only to groups below one without processes: whoever began the machine's first process, and is still in its group, goes to
 * where that one has gone, and what is below the machine's group gets all that the computer has. Nothing to do for version 1.
 */
export async function settleGroups(path: string): Promise<void> {
  const found = hierarchies();
  if (!isUnified(found)) return;
  for (const { mountPoint } of found) {
    const group = join(mountPoint, path);
    for (const pid of (await readFile(join(group, "cgroup.procs"), "utf8")).split("\n").filter((line) => line !== ""))
      await writeFile(join(group, "system", "cgroup.procs"), pid);
    await handDown(mountPoint, path);
  }
}

/** A machine's second life begins in a new group: in version 2 the first process may not begin in one that has handed controllers down. */
export async function clearGroups(path: string, clock: Clock, signal?: AbortSignal): Promise<void> {
  if (isUnified(hierarchies())) await removeGroups(path, clock, signal);
}

/** From the root to the group itself. */
async function handDown(mountPoint: string, path: string): Promise<void> {
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  for (let length = 0; length <= parts.length; length++) {
    const group = join(mountPoint, ...parts.slice(0, length));
    const controllers = (await readFile(join(group, "cgroup.controllers"), "utf8")).trim().split(" ");
    await writeFile(join(group, "cgroup.subtree_control"), controllers.map((name) => `+${name}`).join(" "));
  }
}

function isUnified(found: readonly Hierarchy[]): boolean {
  return found.every(({ version }) => version === 2);
}

/** After so many looks, processes that are still there are no dying ones: somebody went in from outside, and is ended. */
const patientLooks = 20;

/** Removes the group and all below it, once its last process has gone. */
export async function removeGroups(path: string, clock: Clock, signal?: AbortSignal): Promise<void> {
  for (const { mountPoint } of hierarchies()) {
    const group = join(mountPoint, path);
    // The kernel lets go of dead processes a little later.
    for (let attempt = 0; existsSync(group); attempt++) {
      try {
        await removeTree(group);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EBUSY" || attempt >= 100) throw error;
        if (attempt >= patientLooks) await killAll(group);
        await clock.sleep(50, signal);
      }
    }
  }
}

/** Stops or continues everything in the group, without its knowledge. */
export async function freeze(path: string, frozen: boolean): Promise<void> {
  for (const { mountPoint, version } of hierarchies()) {
    const file = join(mountPoint, path, version === 1 ? "freezer.state" : "cgroup.freeze");
    if (existsSync(file)) await writeFile(file, version === 1 ? (frozen ? "FROZEN" : "THAWED") : frozen ? "1" : "0");
  }
}

export function isFrozen(path: string): boolean {
  return hierarchies().some(({ mountPoint, version }) => {
    const file = join(mountPoint, path, version === 1 ? "freezer.state" : "cgroup.freeze");
    return existsSync(file) && /^(FROZEN|FREEZING|1)$/.test(readFileSync(file, "utf8").trim());
  });
}

function hierarchies(): readonly Hierarchy[] {
  return readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .flatMap((line): Hierarchy[] => {
      const [, , , root, mountPoint = ""] = line.split(" ");
      const type = line.split(" - ")[1]?.split(" ")[0];
      if (root !== "/" && root !== undefined && !root.startsWith("/")) return [];
      return type === "cgroup" ? [{ mountPoint, version: 1 }] : type === "cgroup2" ? [{ mountPoint, version: 2 }] : [];
    });
}

/** A new group of version 1's cpuset has no processors and takes no process until it is given some. */
async function inheritCpuset(mountPoint: string, path: string): Promise<void> {
  let parent = mountPoint;
  for (const part of path.split("/")) {
    const group = join(parent, part);
    for (const name of ["cpuset.cpus", "cpuset.mems"]) {
      const file = join(group, name);
      if (!existsSync(file) || !existsSync(join(group, "cpuset.memory_migrate"))) continue;
      if ((await readFile(file, "utf8")).trim() === "")
        await writeFile(file, (await readFile(join(parent, name), "utf8")).trim());
    }
    parent = group;
  }
}

async function killAll(group: string): Promise<void> {
  const files = (await readdir(group, { recursive: true })).filter((name) => name.endsWith("cgroup.procs"));
  for (const file of files) {
    const text = await readFile(join(group, file), "utf8").catch(() => "");
    for (const pid of text.split("\n").filter((line) => line !== "")) killIfThere(Number(pid));
  }
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

async function removeTree(group: string): Promise<void> {
  for (const entry of await readdir(group, { withFileTypes: true })) {
    if (entry.isDirectory()) await removeTree(join(group, entry.name));
  }
  await rmdir(group).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw error;
  });
}
