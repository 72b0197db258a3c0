// Cgroups of version 1, made by hand in the kernel's files: a directory for each controller, the same path in each.
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { CgroupLimits } from "../../core/cgroup/pod-limits.ts";
import { limitHugePages } from "./huge-pages.ts";
import { childrenOf, processesIn, removeDirectories } from "./tree.ts";
import type { CgroupTree } from "./tree.ts";

const unlimited = -1;
const pageBytes = 4096;

export function createTreeV1(root: string): CgroupTree {
  const hierarchies = (): readonly string[] =>
    readdirSync(root, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? join(root, entry.name) : []));
  const set = (controller: string, path: string, file: string, value: number | string): void => {
    const target = join(root, controller, path, file);
    if (readFileSync(target, "latin1").trim() !== String(value)) writeFileSync(target, String(value));
  };
  /** The kernel rounds to pages and shows "none" as a number of its own: compared are whole pages. */
  const setMemory = (path: string, bytes: number | undefined): void => {
    const wanted = bytes === undefined ? undefined : Math.floor(bytes / pageBytes) * pageBytes;
    if (memoryOf(path) === wanted) return;
    writeFileSync(join(root, "memory", path, "memory.limit_in_bytes"), String(wanted ?? unlimited));
  };
  const memoryOf = (path: string): number | undefined => {
    const value = Number(readFileSync(join(root, "memory", path, "memory.limit_in_bytes"), "latin1"));
    return value > Number.MAX_SAFE_INTEGER / 2 ? undefined : value;
  };
  const quotaOf = (path: string): number | undefined => {
    const value = Number(readFileSync(join(root, "cpu", path, "cpu.cfs_quota_us"), "latin1"));
    return value < 0 ? undefined : value;
  };

  return {
    async apply(path: string, limits: CgroupLimits) {
      for (const controller of ["cpu", "cpuacct", "memory", "pids", "hugetlb"])
        if (existsSync(join(root, controller))) mkdirSync(join(root, controller, path), { recursive: true });
      set("cpu", path, "cpu.shares", limits.cpuShares);
      set("cpu", path, "cpu.cfs_quota_us", limits.cpuQuotaUs ?? unlimited);
      setMemory(path, limits.memoryBytes);
      if (existsSync(join(root, "pids"))) set("pids", path, "pids.max", limits.processes ?? "max");
      limitHugePages(join(root, "hugetlb", path), limits.hugePages);
    },
    limitsOf: (path) => ({ cpuQuotaUs: quotaOf(path), memoryBytes: memoryOf(path) }),
    exists: (path) => existsSync(join(root, "memory", path)),
    children: (path) => childrenOf(join(root, "memory", path)),
    processes: (path) => processesIn(join(root, "memory", path)),
    endAsOne: () => undefined,
    async remove(path) {
      for (const hierarchy of hierarchies())
        if (existsSync(join(hierarchy, path))) removeDirectories(join(hierarchy, path));
    },
  };
}
