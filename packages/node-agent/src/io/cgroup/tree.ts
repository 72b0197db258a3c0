// A tree of cgroups in which this agent may make some: the port that `pod-cgroups.ts` needs, which does not know how the machine has them; and what all
// versions share, for the kernel shows each cgroup as a directory. Paths begin at the root of the hierarchy.
import { existsSync, readFileSync, readdirSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import type { CgroupLimits } from "../../core/cgroup/pod-limits.ts";

export interface CgroupTree {
  /** Makes the cgroup if it is not there, and its limits these. Throws what the machine refuses. */
  apply(path: string, limits: CgroupLimits): Promise<void>;
  /** Of a cgroup that is there. */
  limitsOf(path: string): Pick<CgroupLimits, "cpuQuotaUs" | "memoryBytes">;
  exists(path: string): boolean;
  /** Names of the cgroups directly below; none when it is not there. */
  children(path: string): readonly string[];
  /** Ids of the processes in it and below it. */
  processes(path: string): readonly number[];
  /** Whoever of it is killed for want of memory takes the others along, where the kernel can do that. Nothing if it has gone. */
  endAsOne(path: string): void;
  /** With all below it; throws as long as it cannot be, because of processes that have not gone yet. */
  remove(path: string): Promise<void>;
}

export function childrenOf(directory: string): readonly string[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? entry.name : []));
}

export function processesIn(directory: string): readonly number[] {
  if (!existsSync(directory)) return [];
  const groups = readdirSync(directory, { recursive: true, withFileTypes: true });
  const files = groups
    .filter(({ name }) => name === "cgroup.procs")
    .map(({ parentPath, name }) => join(parentPath, name));
  const pids = files.flatMap((file) => readFileSync(file, "latin1").split("\n").map(Number));
  // Processes of another namespace are listed as 0.
  return pids.filter((pid) => pid > 1);
}

export function removeDirectories(directory: string): void {
  for (const name of childrenOf(directory)) removeDirectories(join(directory, name));
  try {
    rmdirSync(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}
