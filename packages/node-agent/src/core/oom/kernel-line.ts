// What the kernel writes when it kills for want of memory, read from a record of its log (`/dev/kmsg`). Pure.

export interface OomKill {
  /** The cgroup whose limit was hit; undefined when the whole machine ran out. */
  readonly cgroup: string | undefined;
  /** The cgroup of the process that was killed. */
  readonly victimCgroup: string;
  readonly process: string;
  readonly pid: number;
}

/** A record: "6,1234,567890,-;oom-kill:constraint=…,task_memcg=/x,task=name,pid=1,uid=0". Undefined for any other. */
export function oomKillIn(record: string): OomKill | undefined {
  const [, fields] = /;oom-kill:(.*)/.exec(record) ?? [];
  if (fields === undefined) return undefined;
  const of = (name: string): string => new RegExp(`(?:^|,)${name}=([^,\\n]*)`).exec(fields)?.[1] ?? "";
  return {
    cgroup: of("constraint") === "CONSTRAINT_MEMCG" ? of("oom_memcg") : undefined,
    victimCgroup: of("task_memcg"),
    process: of("task"),
    pid: Number(of("pid")),
  };
}

/** Said of a pod whose container hit its limit. */
export function containerOomMessage(
  container: string,
  kill: Pick<OomKill, "process" | "pid"> | undefined,
  limitBytes: number | undefined,
  peakBytes: number | undefined,
): string {
  const who = kill ? `Killed process ${kill.pid} (${kill.process})` : "The kernel killed a process";
  const limit = limitBytes === undefined ? "no limit of its own" : `limit ${mebibytes(limitBytes)}`;
  const peak = peakBytes === undefined ? "" : `, most used ${mebibytes(peakBytes)}`;
  return `Memory cgroup out of memory: ${who} in container ${container}, ${limit}${peak}`;
}

function mebibytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)}Mi`;
}
