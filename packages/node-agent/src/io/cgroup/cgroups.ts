// The kernel's cgroup files. Read synchronously: they are made in memory by the kernel, and a read costs some microseconds,
// a tenth of what a trip through the thread pool costs. A cgroup that is gone is an answer, not an error.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { cpuLimitsV1, cpuLimitsV2, pathsIn, readV1, readV2 } from "../../core/stats/cgroup-text.ts";
import type { ReadCgroupFile } from "../../core/stats/cgroup-text.ts";
import type { CgroupUsage, CpuLimits } from "../../core/stats/usage.ts";

/** Where a process's cgroup is, per controller (version 1) or once (version 2). */
export interface CgroupPlace {
  readonly version: 1 | 2;
  /** As Kubernetes' metrics name it, in `id`. */
  readonly path: string;
  readonly directory: (controller: string) => string;
}

const root = "/sys/fs/cgroup";

/** Undefined when the process is gone, or its cgroup lies outside of what is seen here. */
export function locateCgroup(pid: number): CgroupPlace | undefined {
  const text = readIfThere(`/proc/${pid}/cgroup`);
  if (text === "") return undefined;
  const paths = pathsIn(text);
  const version = existsSync(join(root, "cgroup.controllers")) ? 2 : 1;
  const path = (version === 2 ? paths.get("") : paths.get("memory")) ?? "";
  if (path === "" || path.startsWith("/..")) return undefined;
  return {
    version,
    path,
    directory: (controller) =>
      version === 2 ? join(root, path) : join(root, controller, paths.get(controller) ?? path),
  };
}

/** Undefined when the cgroup is gone. */
export function readCgroup(
  place: CgroupPlace,
): { readonly usage: CgroupUsage; readonly limits: CpuLimits } | undefined {
  if (!existsSync(place.directory("memory"))) return undefined;
  const file: ReadCgroupFile = (controller, name) => readIfThere(join(place.directory(controller), name));
  return place.version === 2
    ? { usage: readV2(file), limits: cpuLimitsV2(file) }
    : { usage: readV1(file), limits: cpuLimitsV1(file) };
}

/** Only the counter of cpu time, for the sampler. */
export function readCpuNanoseconds(place: CgroupPlace): number | undefined {
  const text =
    place.version === 2
      ? (/^usage_usec (\d+)$/m.exec(readIfThere(join(place.directory("cpu"), "cpu.stat")))?.[1] ?? "")
      : readIfThere(join(place.directory("cpuacct"), "cpuacct.usage"));
  return text === "" ? undefined : Number(text) * (place.version === 2 ? 1000 : 1);
}

export function readIfThere(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    // ESRCH and ENODEV: the process or the group ended between opening and reading.
    if (code === "ENOENT" || code === "ESRCH" || code === "ENODEV" || code === "EACCES" || code === "EOPNOTSUPP")
      return "";
    throw error;
  }
}
