import { expect, test } from "vitest";
import { containerOomMessage, oomKillIn } from "./kernel-line.ts";

test("a kill is read from the kernel's record, with whose limit was hit", () => {
  const record = (constraint: string): string =>
    `6,2042,891532,-;oom-kill:constraint=${constraint},nodemask=(null),cpuset=ab,mems_allowed=0,oom_memcg=/docker/ab,task_memcg=/docker/ab,task=stress,pid=4711,uid=0\n`;
  expect([
    oomKillIn(record("CONSTRAINT_MEMCG")),
    oomKillIn(record("CONSTRAINT_NONE")),
    oomKillIn("6,1,2,-;hello"),
  ]).toEqual([
    { cgroup: "/docker/ab", victimCgroup: "/docker/ab", process: "stress", pid: 4711 },
    { cgroup: undefined, victimCgroup: "/docker/ab", process: "stress", pid: 4711 },
    undefined,
  ]);
});

test("the pod's event names process, limit and peak as far as they are known", () => {
  expect([
    containerOomMessage("main", { process: "stress", pid: 4711 }, 64 * 2 ** 20, 64 * 2 ** 20),
    containerOomMessage("main", undefined, undefined, undefined),
  ]).toEqual([
    "Memory cgroup out of memory: Killed process 4711 (stress) in container main, limit 64.0Mi, most used 64.0Mi",
    "Memory cgroup out of memory: The kernel killed a process in container main, no limit of its own",
  ]);
});
