// Cgroups of version 2, made by hand in the kernel's files: one directory each. A controller is there only where the directory above hands it down
// (`cgroup.subtree_control`), which only those without processes of their own may do; the root of all may, too.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { limitsIn, unifiedFiles } from "../../core/cgroup/unified.ts";
import { readIfThere } from "./cgroups.ts";
import { limitHugePages } from "./huge-pages.ts";
import { childrenOf, processesIn, removeDirectories } from "./tree.ts";
import type { CgroupTree } from "./tree.ts";

/** What Kubernetes hands down to pods, where the kernel has it. */
const controllers = ["cpuset", "cpu", "io", "memory", "hugetlb", "pids", "rdma"];

/** Makes the directory, and has all from the root down to it hand these controllers on, as far as the kernel has them. */
export function handDown(root: string, path: string, handed: readonly string[]): void {
  const words = (file: string): readonly string[] => readFileSync(file, "latin1").trim().split(" ");
  const above = dirname(path);
  if (above !== path) handDown(root, above, handed);
  const directory = join(root, path);
  mkdirSync(directory, { recursive: true });
  const already = words(join(directory, "cgroup.subtree_control"));
  const missing = words(join(directory, "cgroup.controllers")).filter(
    (name) => handed.includes(name) && !already.includes(name),
  );
  if (missing.length > 0)
    writeFileSync(join(directory, "cgroup.subtree_control"), missing.map((name) => `+${name}`).join(" "));
}

export function createTreeV2(root: string): CgroupTree {
  return {
    async apply(path, limits) {
      const directory = join(root, path);
      // The engine puts containers below, so the cgroup itself hands down, too.
      handDown(root, path, controllers);
      for (const [name, text] of Object.entries(unifiedFiles(limits))) {
        const file = join(directory, name);
        // A kernel without a controller that is not asked for has no such file.
        if (existsSync(file) && readFileSync(file, "latin1").trim() !== text) writeFileSync(file, text);
      }
      limitHugePages(directory, limits.hugePages);
    },
    ...unifiedReading(root),
    async remove(path) {
      if (existsSync(join(root, path))) removeDirectories(join(root, path));
    },
  };
}

/** What is alike, whoever has made the cgroup. */
export function unifiedReading(root: string): Omit<CgroupTree, "apply" | "remove"> {
  return {
    endAsOne(path) {
      try {
        writeFileSync(join(root, path, "memory.oom.group"), "1");
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (code !== "ENOENT" && code !== "ENODEV") throw error;
      }
    },
    limitsOf: (path) => limitsIn((name) => readIfThere(join(root, path, name))),
    exists: (path) => existsSync(join(root, path)),
    children: (path) => childrenOf(join(root, path)),
    processes: (path) => processesIn(join(root, path)),
  };
}
