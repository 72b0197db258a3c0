// The kernel's cgroup files, read into values. Both versions; of version 1 the hierarchical ("total_") numbers. Pure.
import type { CgroupUsage, CpuLimits } from "./usage.ts";

/** Text of a file by its name; empty when it is not there. */
export type ReadCgroupFile = (controller: "cpu" | "cpuacct" | "memory" | "pids", name: string) => string;

export function readV1(file: ReadCgroupFile): CgroupUsage {
  const stat = numbersIn(file("memory", "memory.stat"));
  const cpu = numbersIn(file("cpu", "cpu.stat"));
  const ticks = numbersIn(file("cpuacct", "cpuacct.stat"));
  const memoryBytes = numberIn(file("memory", "memory.usage_in_bytes"));
  const limit = numberIn(file("memory", "memory.limit_in_bytes"));
  const total = (name: string): number => stat.get(`total_${name}`) ?? stat.get(name) ?? 0;
  return {
    cpuNanoseconds: numberIn(file("cpuacct", "cpuacct.usage")),
    cpuUserNanoseconds: (ticks.get("user") ?? 0) * nanosecondsPerTick,
    cpuSystemNanoseconds: (ticks.get("system") ?? 0) * nanosecondsPerTick,
    periods: cpu.get("nr_periods") ?? 0,
    throttledPeriods: cpu.get("nr_throttled") ?? 0,
    throttledNanoseconds: cpu.get("throttled_time") ?? 0,
    memoryBytes,
    workingSetBytes: Math.max(0, memoryBytes - total("inactive_file")),
    rssBytes: total("rss"),
    cacheBytes: total("cache"),
    mappedFileBytes: total("mapped_file"),
    swapBytes: total("swap"),
    mostMemoryBytes: numberIn(file("memory", "memory.max_usage_in_bytes")),
    // The kernel's "no limit" is a number a little below 2^63.
    memoryLimitBytes: limit > 0 && limit < 2 ** 62 ? limit : undefined,
    limitHits: numberIn(file("memory", "memory.failcnt")),
    pageFaults: total("pgfault"),
    majorPageFaults: total("pgmajfault"),
    oomKills: numbersIn(file("memory", "memory.oom_control")).get("oom_kill") ?? 0,
    processes: numberIn(file("pids", "pids.current")),
  };
}

export function readV2(file: ReadCgroupFile): CgroupUsage {
  const stat = numbersIn(file("memory", "memory.stat"));
  const cpu = numbersIn(file("cpu", "cpu.stat"));
  const events = numbersIn(file("memory", "memory.events"));
  const memoryBytes = numberIn(file("memory", "memory.current"));
  const limit = file("memory", "memory.max").trim();
  return {
    cpuNanoseconds: (cpu.get("usage_usec") ?? 0) * 1000,
    cpuUserNanoseconds: (cpu.get("user_usec") ?? 0) * 1000,
    cpuSystemNanoseconds: (cpu.get("system_usec") ?? 0) * 1000,
    periods: cpu.get("nr_periods") ?? 0,
    throttledPeriods: cpu.get("nr_throttled") ?? 0,
    throttledNanoseconds: (cpu.get("throttled_usec") ?? 0) * 1000,
    memoryBytes,
    workingSetBytes: Math.max(0, memoryBytes - (stat.get("inactive_file") ?? 0)),
    rssBytes: stat.get("anon") ?? 0,
    cacheBytes: stat.get("file") ?? 0,
    mappedFileBytes: stat.get("file_mapped") ?? 0,
    swapBytes: numberIn(file("memory", "memory.swap.current")),
    mostMemoryBytes: numberIn(file("memory", "memory.peak")) || memoryBytes,
    memoryLimitBytes: limit === "" || limit === "max" ? undefined : Number(limit),
    limitHits: events.get("max") ?? 0,
    pageFaults: stat.get("pgfault") ?? 0,
    majorPageFaults: stat.get("pgmajfault") ?? 0,
    oomKills: events.get("oom_kill") ?? 0,
    processes: numberIn(file("pids", "pids.current")),
  };
}

export function cpuLimitsV1(file: ReadCgroupFile): CpuLimits {
  return {
    shares: numberIn(file("cpu", "cpu.shares")),
    quotaUs: numberIn(file("cpu", "cpu.cfs_quota_us")),
    periodUs: numberIn(file("cpu", "cpu.cfs_period_us")),
  };
}

export function cpuLimitsV2(file: ReadCgroupFile): CpuLimits {
  const [quota = "max", period = "100000"] = file("cpu", "cpu.max").trim().split(" ");
  const weight = numberIn(file("cpu", "cpu.weight"));
  return {
    // The way back of runc's way from shares to weights.
    shares: weight === 0 ? 0 : Math.round(2 + ((weight - 1) * 262_142) / 9_999),
    quotaUs: quota === "max" || quota === "" ? -1 : Number(quota),
    periodUs: Number(period),
  };
}

/** `/proc/PID/cgroup`: the path of each controller; the unified hierarchy under "". */
export function pathsIn(text: string): ReadonlyMap<string, string> {
  const paths = new Map<string, string>();
  for (const line of text.split("\n")) {
    const [, controllers, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (path === undefined) continue;
    for (const controller of (controllers ?? "").split(",")) paths.set(controller, path);
  }
  return paths;
}

/** USER_HZ is 100 on every architecture that Linux containers run on. */
export const nanosecondsPerTick = 10_000_000;

export function numbersIn(text: string): ReadonlyMap<string, number> {
  const numbers = new Map<string, number>();
  for (const line of text.split("\n")) {
    const space = line.indexOf(" ");
    if (space > 0) numbers.set(line.slice(0, space), Number(line.slice(space + 1)));
  }
  return numbers;
}

function numberIn(text: string): number {
  const value = Number(text);
  return Number.isFinite(value) ? value : 0;
}
