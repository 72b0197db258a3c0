// Resident memory and idle CPU of every daemon, read from /proc over ten quiet seconds.
import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import type { Benchmark } from "./bench.ts";

const windowMs = 10_000;
const ticksPerSecond = 100;

export const benchmark: Benchmark = {
  summary: "resident memory (MB) and CPU (% of a core) of each idle daemon over 10 s",
  async run({ pids }) {
    const before = Object.entries(pids).map(([name, pid]) => ({ name, pid, ticks: cpuTicks(pid) }));
    await delay(windowMs);
    return before.flatMap(({ name, pid, ticks }) => [
      { name: `${name} memory`, unit: "MB", value: residentBytes(pid) / 1e6 },
      { name: `${name} cpu`, unit: "%", value: ((cpuTicks(pid) - ticks) / ticksPerSecond / (windowMs / 1000)) * 100 },
    ]);
  },
};

function residentBytes(pid: number): number {
  return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) * 1024;
}

/** Fields 14 and 15 of proc_pid_stat(5): user and system time. */
function cpuTicks(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)?.split(" ") ?? [];
  return Number(fields[11]) + Number(fields[12]);
}
