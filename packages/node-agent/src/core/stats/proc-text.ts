// What /proc says of the whole machine and of a network namespace, read into values. Pure.
import { nanosecondsPerTick, numbersIn } from "./cgroup-text.ts";
import type { InterfaceUsage, NodeUsage } from "./usage.ts";

export interface ProcTexts {
  readonly stat: string;
  readonly meminfo: string;
  readonly vmstat: string;
  readonly netDev: string;
  readonly loadavg: string;
  readonly pidMax: string;
}

export function nodeUsageIn(texts: ProcTexts, readAtMs: number): Omit<NodeUsage, "nanoCores"> {
  const memory = meminfo(texts.meminfo);
  const vm = numbersIn(texts.vmstat);
  const cpu = /^cpu +(.*)$/m.exec(texts.stat)?.[1]?.split(" ").map(Number) ?? [];
  // user nice system idle iowait irq softirq steal; guest time is in user already.
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = cpu;
  const total = memory("MemTotal");
  const used = total - memory("MemFree");
  const workingSet = Math.max(0, used - memory("Inactive(file)"));
  return {
    readAtMs,
    bootedAtMs: Number(/^btime (\d+)$/m.exec(texts.stat)?.[1] ?? 0) * 1000,
    cpus: texts.stat.match(/^cpu\d+ /gm)?.length ?? 0,
    cpuNanoseconds: (user + nice + system + irq + softirq + steal) * nanosecondsPerTick,
    memoryBytes: total,
    usedBytes: used,
    workingSetBytes: workingSet,
    availableBytes: Math.max(0, total - workingSet),
    rssBytes: memory("AnonPages"),
    pageFaults: vm.get("pgfault") ?? 0,
    majorPageFaults: vm.get("pgmajfault") ?? 0,
    swapTotalBytes: memory("SwapTotal"),
    swapFreeBytes: memory("SwapFree"),
    interfaces: interfacesIn(texts.netDev),
    mostProcesses: Number(texts.pidMax),
    processes: Number(/\/(\d+) /.exec(texts.loadavg)?.[1] ?? 0),
  };
}

/** `/proc/net/dev` without the loopback, and without the links that only lead to pods. */
export function interfacesIn(text: string): readonly InterfaceUsage[] {
  return text
    .split("\n")
    .flatMap((line) => {
      const colon = line.indexOf(":");
      if (colon < 0) return [];
      const n = line
        .slice(colon + 1)
        .trim()
        .split(/ +/)
        .map(Number);
      return [
        {
          name: line.slice(0, colon).trim(),
          ...{ receivedBytes: n[0] ?? 0, receivedPackets: n[1] ?? 0, receiveErrors: n[2] ?? 0 },
          ...{ receiveDropped: n[3] ?? 0, sentBytes: n[8] ?? 0, sentPackets: n[9] ?? 0 },
          ...{ sendErrors: n[10] ?? 0, sendDropped: n[11] ?? 0 },
        },
      ];
    })
    .filter(({ name }) => name !== "lo" && !/^(veth|docker|br-|dummy|ifb|gre|sit|tunl)/.test(name));
}

function meminfo(text: string): (name: string) => number {
  const values = new Map(
    text.split("\n").map((line) => {
      const [, name = "", kib = "0"] = /^([^:]+): +(\d+)/.exec(line) ?? [];
      return [name, Number(kib) * 1024] as const;
    }),
  );
  return (name) => values.get(name) ?? 0;
}
