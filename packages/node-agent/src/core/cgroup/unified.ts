// Limits in the words of cgroups of version 2, and systemd's for its slices. Pure.
import type { CgroupLimits } from "./pod-limits.ts";

export const periodUs = 100_000;
const pageBytes = 4096;

/** The kubelet's way from version 1's shares (2 to 262,144) to version 2's weights (1 to 10,000). */
export function cpuWeightOf(shares: number): number {
  return Math.floor(((shares - 2) * 9_999) / 262_142) + 1;
}

/** What stands in the files: each file's text, as the kernel shows it afterwards. */
export function unifiedFiles(limits: CgroupLimits): Readonly<Record<string, string>> {
  const { cpuShares, cpuQuotaUs, memoryBytes, processes } = limits;
  return {
    "cpu.weight": `${cpuWeightOf(cpuShares)}`,
    "cpu.max": `${cpuQuotaUs ?? "max"} ${periodUs}`,
    // The kernel counts whole pages.
    "memory.max": memoryBytes === undefined ? "max" : `${Math.floor(memoryBytes / pageBytes) * pageBytes}`,
    "pids.max": `${processes ?? "max"}`,
  };
}

/** The way back, of what a resize must not narrow too early. */
export function limitsIn(file: (name: string) => string): Pick<CgroupLimits, "cpuQuotaUs" | "memoryBytes"> {
  const [quota = "max", period = ""] = file("cpu.max").trim().split(" ");
  const memory = file("memory.max").trim();
  return {
    cpuQuotaUs: /^\d+$/.test(quota) ? Math.round((Number(quota) * periodUs) / (Number(period) || periodUs)) : undefined,
    memoryBytes: /^\d+$/.test(memory) ? Number(memory) : undefined,
  };
}

/** A slice's properties, each as busctl takes them: name, type, value. systemd counts processor time by the second. */
export function sliceProperties(limits: CgroupLimits): readonly (readonly [string, string, string])[] {
  const { cpuShares, cpuQuotaUs, memoryBytes, processes } = limits;
  return [
    ["CPUWeight", "t", `${cpuWeightOf(cpuShares)}`],
    ["CPUQuotaPerSecUSec", "t", cpuQuotaUs === undefined ? infinity : `${cpuQuotaUs * (1_000_000 / periodUs)}`],
    ["MemoryMax", "t", memoryBytes === undefined ? infinity : `${memoryBytes}`],
    ["TasksMax", "t", processes === undefined ? infinity : `${processes}`],
  ];
}

const infinity = `${2n ** 64n - 1n}`;
