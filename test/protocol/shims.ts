// What an engine that was killed leaves behind: the shims of its containers, known by the address of its containerd in their command lines.
// One killed in the middle of a start leaves shims that are half made, behind which its next start may wait without end. A service manager
// that ends a whole control group frees them; this does it where there is none. It starts and stops no engine.
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";

export interface Shim {
  readonly pid: number;
  readonly containerId: string;
  /** Its container's processes; none, or only the runtime's own first one, while it is half made. */
  readonly children: readonly number[];
  readonly isHalfMade: boolean;
}

/** The shims of the engine whose `--exec-root` this is. */
export function shimsOf(execRoot: string): readonly Shim[] {
  const address = join(execRoot, "containerd", "containerd.sock");
  const processes = readdirSync("/proc").flatMap((name) => (/^\d+$/.test(name) ? (processOf(Number(name)) ?? []) : []));
  return processes.flatMap(({ pid, words }) => {
    const after = (flag: string): string | undefined => words[words.indexOf(flag) + 1];
    if (!(words[0] ?? "").includes("containerd-shim") || after("-address") !== address) return [];
    const children = processes.filter(({ parent }) => parent === pid);
    const isHalfMade = children.every((child) => /^runc\b/.test((child.words[0] ?? "").split("/").at(-1) ?? ""));
    return [{ pid, containerId: after("-id") ?? "", children: children.map((child) => child.pid), isHalfMade }];
  });
}

/** Ends them, and first what runs below them: nobody would take care of it any more. */
export function endShims(shims: readonly Shim[]): void {
  for (const { pid, children } of shims) for (const one of [...children, pid]) end(one);
}

function end(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

function processOf(pid: number): { pid: number; parent: number; words: readonly string[] } | undefined {
  try {
    const [, parent] = /\) \S (\d+)/.exec(readFileSync(`/proc/${pid}/stat`, "utf8")) ?? [];
    return { pid, parent: Number(parent), words: readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0") };
  } catch {
    return undefined; // It has ended meanwhile.
  }
}
