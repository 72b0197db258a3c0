// Cgroups of version 2 that systemd makes, as slices: it owns the tree of such a machine, and would take back what others write there. Asked through its
// bus by busctl, which comes with it; limits are read from the kernel's files.
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { unitOf } from "../../core/cgroup/names.ts";
import type { CgroupLimits } from "../../core/cgroup/pod-limits.ts";
import { sliceProperties, unifiedFiles } from "../../core/cgroup/unified.ts";
import { runTool } from "../net/tool.ts";
import { readIfThere } from "./cgroups.ts";
import { limitHugePages } from "./huge-pages.ts";
import { removeDirectories } from "./tree.ts";
import type { CgroupTree } from "./tree.ts";
import { handDown, unifiedReading } from "./tree-v2.ts";

const manager = ["org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager"] as const;

export function createSliceTree(root: string): CgroupTree {
  const call = async (method: string, signature: string, args: readonly string[]): Promise<void> => {
    await runTool("busctl", ["--system", "call", ...manager, method, signature, ...args]);
  };
  /** A kernel without a controller that is not asked for has no such file. */
  const isAsWanted = (path: string, wanted: Readonly<Record<string, string>>): boolean =>
    existsSync(join(root, path)) &&
    Object.entries(wanted).every(([name, text]) => ["", text].includes(readIfThere(join(root, path, name)).trim()));
  const stopping = new Set<string>();

  const applySlice = async (path: string, limits: CgroupLimits): Promise<void> => {
    if (isAsWanted(path, unifiedFiles(limits))) return;
    const unit = unitOf(path);
    const properties = sliceProperties(limits);
    const change = (): Promise<void> =>
      call("SetUnitProperties", "sba(sv)", [unit, "true", `${properties.length}`, ...properties.flat()]);
    if (existsSync(join(root, path))) return change();
    // With accounting the controllers are handed down to it.
    const begun = [
      ...["CPUAccounting", "MemoryAccounting", "TasksAccounting", "IOAccounting"].map((name) => [name, "b", "true"]),
      ["DefaultDependencies", "b", "false"],
      ...properties,
    ];
    try {
      await call("StartTransientUnit", "ssa(sv)a(sa(sv))", [unit, "replace", `${begun.length}`, ...begun.flat(), "0"]);
    } catch (error) {
      if (!/already (loaded|exists)/.test(String(error))) throw error;
      await change();
    }
  };

  return {
    async apply(path, limits) {
      await applySlice(path, limits);
      // Huge pages systemd does not know, and lets be.
      handDown(root, dirname(path), ["hugetlb"]);
      limitHugePages(join(root, path), limits.hugePages);
    },
    ...unifiedReading(root),
    async remove(path) {
      const directory = join(root, path);
      if (!existsSync(directory)) return void stopping.delete(path);
      if (!stopping.has(path)) {
        stopping.add(path);
        await call("StopUnit", "ss", [unitOf(path), "replace"]).catch((error: unknown) => {
          // Without a unit there may be a directory all the same.
          if (!/not loaded/.test(String(error))) throw error;
        });
        if (existsSync(directory)) throw new Error(`${unitOf(path)} has not ended yet`);
      }
      // systemd leaves what is not its own.
      removeDirectories(directory);
      stopping.delete(path);
    },
  };
}
