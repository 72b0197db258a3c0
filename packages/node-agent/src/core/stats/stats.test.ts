import { expect, test } from "vitest";
import { cpuLimitsV2, pathsIn, readV1, readV2 } from "./cgroup-text.ts";
import { expositionOf } from "./exposition.ts";
import { nodeUsageIn } from "./proc-text.ts";
import { resourceMetrics } from "./resource-metrics.ts";
import { nanoCoresBetween } from "./usage.ts";
import type { ContainerUsage } from "./usage.ts";

const files =
  (texts: Readonly<Record<string, string>>) =>
  (controller: string, name: string): string =>
    texts[`${controller}/${name}`] ?? texts[name] ?? "";

test("both versions of cgroups read as the same usage", () => {
  const expected = {
    cpuNanoseconds: 5_000_000_000,
    cpuUserNanoseconds: 3_000_000_000,
    cpuSystemNanoseconds: 2_000_000_000,
    periods: 10,
    throttledPeriods: 4,
    throttledNanoseconds: 7_000_000,
    memoryBytes: 1_000_000,
    workingSetBytes: 600_000,
    rssBytes: 300_000,
    cacheBytes: 500_000,
    mappedFileBytes: 100_000,
    swapBytes: 0,
    mostMemoryBytes: 2_000_000,
    memoryLimitBytes: 4_000_000,
    limitHits: 3,
    pageFaults: 70,
    majorPageFaults: 7,
    oomKills: 1,
    processes: 2,
  };
  const v1 = {
    "cpuacct.usage": "5000000000\n",
    "cpuacct.stat": "user 300\nsystem 200\n",
    "cpu.stat": "nr_periods 10\nnr_throttled 4\nthrottled_time 7000000\n",
    "memory.usage_in_bytes": "1000000\n",
    "memory.limit_in_bytes": "4000000\n",
    "memory.max_usage_in_bytes": "2000000\n",
    "memory.failcnt": "3\n",
    "memory.stat":
      "inactive_file 1\ntotal_inactive_file 400000\ntotal_rss 300000\ntotal_cache 500000\ntotal_mapped_file 100000\ntotal_pgfault 70\ntotal_pgmajfault 7\n",
    "memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n",
    "pids.current": "2\n",
  };
  const v2 = {
    "cpu.stat":
      "usage_usec 5000000\nuser_usec 3000000\nsystem_usec 2000000\nnr_periods 10\nnr_throttled 4\nthrottled_usec 7000\n",
    "memory.current": "1000000\n",
    "memory.max": "4000000\n",
    "memory.peak": "2000000\n",
    "memory.stat": "anon 300000\nfile 500000\nfile_mapped 100000\ninactive_file 400000\npgfault 70\npgmajfault 7\n",
    "memory.events": "low 0\nhigh 0\nmax 3\noom 1\noom_kill 1\n",
    "memory.swap.current": "0\n",
    "pids.current": "2\n",
  };
  expect(readV1(files(v1))).toEqual(expected);
  expect(readV2(files(v2))).toEqual(expected);
  expect(readV1(files({ ...v1, "memory.limit_in_bytes": "9223372036854771712\n" })).memoryLimitBytes).toBe(undefined);
  expect(readV2(files({ ...v2, "memory.max": "max\n" })).memoryLimitBytes).toBe(undefined);
  expect(cpuLimitsV2(files({ "cpu.max": "max 100000\n", "cpu.weight": "39\n" }))).toEqual({
    ...{ shares: 998, quotaUs: -1, periodUs: 100_000 },
  });
});

test("a process's place among the cgroups is read per controller, and once where there is one hierarchy", () => {
  expect([...pathsIn("4:memory:/docker/a\n2:cpu,cpuacct:/docker/b\n0::/u\n")]).toEqual([
    ...[
      ["memory", "/docker/a"],
      ["cpu", "/docker/b"],
      ["cpuacct", "/docker/b"],
      ["", "/u"],
    ],
  ]);
});

test("the machine's totals come from /proc", () => {
  const usage = nodeUsageIn(
    {
      stat: "cpu  100 10 50 1000 5 3 2 1 9 0\ncpu0 1 2 3\ncpu1 1 2 3\nbtime 1700000000\n",
      meminfo: "MemTotal:  1000 kB\nMemFree:  300 kB\nInactive(file):  200 kB\nAnonPages: 150 kB\nSwapTotal: 0 kB\n",
      vmstat: "pgfault 9\npgmajfault 2\n",
      netDev:
        "Inter-| Receive\n face |bytes\n    lo: 1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0\n  eth0: 10 2 0 1 0 0 0 0 20 4 0 0 0 0 0 0\n",
      loadavg: "0.1 0.2 0.3 2/345 999\n",
      pidMax: "32768\n",
    },
    5,
  );
  expect(usage).toEqual({
    readAtMs: 5,
    bootedAtMs: 1_700_000_000_000,
    cpus: 2,
    cpuNanoseconds: 1_660_000_000,
    memoryBytes: 1_024_000,
    usedBytes: 716_800,
    workingSetBytes: 512_000,
    availableBytes: 512_000,
    rssBytes: 153_600,
    pageFaults: 9,
    majorPageFaults: 2,
    swapTotalBytes: 0,
    swapFreeBytes: 0,
    interfaces: [
      {
        name: "eth0",
        ...{ receivedBytes: 10, receivedPackets: 2, receiveErrors: 0, receiveDropped: 1 },
        ...{ sentBytes: 20, sentPackets: 4, sendErrors: 0, sendDropped: 0 },
      },
    ],
    mostProcesses: 32_768,
    processes: 345,
  });
});

test("a rate needs two looks some time apart, and a counter that went on", () => {
  const at = (atMs: number, cpuNanoseconds: number) => ({ atMs, cpuNanoseconds });
  expect([
    nanoCoresBetween(undefined, at(0, 0)),
    nanoCoresBetween(at(0, 0), at(50, 10)),
    nanoCoresBetween(at(0, 100), at(1_000, 50)),
    nanoCoresBetween(at(0, 0), at(2_000, 1_000_000_000)),
  ]).toEqual([undefined, undefined, undefined, 500_000_000]);
});

test("labels are escaped and empty families left out", () => {
  expect(
    expositionOf([
      { name: "a", help: "h", type: "gauge", samples: [{ labels: { x: 'q"\\\n' }, value: 1.5, atMs: 12.4 }] },
      { name: "b", help: "h", type: "counter", samples: [] },
    ]),
  ).toBe('# HELP a h\n# TYPE a gauge\na{x="q\\"\\\\\\n"} 1.5 12\n');
});

test("a pod's resources are the sum of its containers and its sandbox, each with its time", () => {
  const usage = { ...readV2(() => ""), cpuNanoseconds: 1_500_000_000, workingSetBytes: 10 };
  const container = (name: string, readAtMs: number): ContainerUsage => ({
    ...{ id: name, name, podName: "p", podNamespace: "n", podUid: "u", image: "i", cgroupPath: "/x" },
    ...{ startedAtMs: 1_000, readAtMs, usage, limits: { shares: 2, quotaUs: -1, periodUs: 100_000 } },
    ...{ nanoCores: undefined, interfaces: [], rootfs: undefined, logs: undefined },
  });
  const node = { ...nodeUsageIn({ stat: "", meminfo: "", vmstat: "", netDev: "", loadavg: "", pidMax: "" }, 7) };
  const text = resourceMetrics({ ...node, nanoCores: undefined }, [container("POD", 20), container("main", 30)]);
  expect(text.split("\n").filter((line) => /^(container_cpu|pod_|container_start)/.test(line))).toEqual([
    'container_cpu_usage_seconds_total{container="main",namespace="n",pod="p"} 1.5 30',
    'container_start_time_seconds{container="main",namespace="n",pod="p"} 1',
    'pod_cpu_usage_seconds_total{namespace="n",pod="p"} 3 30',
    'pod_memory_working_set_bytes{namespace="n",pod="p"} 20 30',
    'pod_swap_usage_bytes{namespace="n",pod="p"} 0 30',
  ]);
});
