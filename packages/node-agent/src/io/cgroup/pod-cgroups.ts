// The cgroups of pods: one for each, with the limits of the pod as a whole, in a tree by quality of service. The engine puts containers into them
// (`--cgroup-parent`). Made by hand in the kernel's files, where the engine does so, too (version 1, driver cgroupfs); elsewhere pods go on without, and
// the reason is told once.
import { existsSync, mkdirSync, readFileSync, readdirSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Pod } from "@coxswain/api/core/v1";
import type { Clock } from "@coxswain/clock";
import type { RuntimeVersion } from "@coxswain/container-runtime";
import type { Logger } from "@coxswain/daemon";
import { burstableShares, podCgroupPath, podLimits, qosLevels } from "../../core/cgroup/pod-limits.ts";
import type { CgroupLimits } from "../../core/cgroup/pod-limits.ts";
import { leastShares } from "../../core/container/resources.ts";

export interface PodCgroups {
  /** Makes the pod's cgroup, or its limits what they should be by now; its path for the engine, `undefined` where pods have none. */
  prepare(pod: Pod): string | undefined;
  /** Before limits of containers change nothing is to be in the way of the old ones or the new; throws what the kernel refuses afterwards. */
  resize(pod: Pod, moment: "before" | "after"): void;
  /** The engine has ended all of the pod; what runs in its cgroup all the same is ended, too. */
  remove(podUid: string): Promise<void>;
  podUids(): readonly string[];
  /** The whole tree. */
  clear(): Promise<void>;
}

const root = "/sys/fs/cgroup";
const unlimited = -1;
/** Processes that were killed are still on their way out. */
const removalTries = 40;
const removalRetryMs = 50;
const triesBeforeKill = 10;

/** Why pods have no cgroups of their own here; undefined when they have. */
export function whyNoPodCgroups(version: Pick<RuntimeVersion, "cgroupVersion" | "cgroupDriver">): string | undefined {
  if (version.cgroupVersion !== 1 || version.cgroupDriver !== "cgroupfs")
    return `the engine uses cgroups of version ${version.cgroupVersion} by the driver ${version.cgroupDriver}; the agent makes those of version 1 by cgroupfs`;
  const missing = ["cpu", "memory"].filter((controller) => !existsSync(join(root, controller, "cgroup.procs")));
  return missing.length === 0 ? undefined : `not seen below ${root}: ${missing.join(", ")}`;
}

export function createPodCgroups(
  config: {
    /** The name of the tree, of this agent's pods alone. */
    readonly top: string;
    /** What all pods together may use; undefined when nobody is to hold them to it. */
    readonly allocatable: CgroupLimits | undefined;
  },
  ports: { readonly clock: Clock; readonly log: Logger; readonly pods: () => readonly Pod[] },
): PodCgroups {
  const { clock, log } = ports;
  const { top } = config;
  let complained = false;

  const hierarchies = (): readonly string[] =>
    readdirSync(root, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? join(root, entry.name) : []));

  const set = (controller: string, path: string, file: string, value: number): void => {
    const target = join(root, controller, path, file);
    if (readFileSync(target, "latin1").trim() !== String(value)) writeFileSync(target, String(value));
  };
  const apply = (path: string, limits: CgroupLimits): void => {
    for (const controller of ["cpu", "cpuacct", "memory", "pids"])
      if (existsSync(join(root, controller))) mkdirSync(join(root, controller, path), { recursive: true });
    set("cpu", path, "cpu.shares", limits.cpuShares);
    set("cpu", path, "cpu.cfs_quota_us", limits.cpuQuotaUs ?? unlimited);
    setMemory(path, limits.memoryBytes);
  };
  /** The kernel rounds to pages and shows "none" as a number of its own: compared are whole pages. */
  const setMemory = (path: string, bytes: number | undefined): void => {
    const page = 4096;
    const now = memoryOf(path);
    const wanted = bytes === undefined ? undefined : Math.floor(bytes / page) * page;
    if (now === wanted) return;
    writeFileSync(join(root, "memory", path, "memory.limit_in_bytes"), String(wanted ?? unlimited));
  };
  const memoryOf = (path: string): number | undefined => {
    const value = Number(readFileSync(join(root, "memory", path, "memory.limit_in_bytes"), "latin1"));
    return value > Number.MAX_SAFE_INTEGER / 2 ? undefined : value;
  };
  const quotaOf = (path: string): number | undefined => {
    const value = Number(readFileSync(join(root, "cpu", path, "cpu.cfs_quota_us"), "latin1"));
    return value < 0 ? undefined : value;
  };

  const applyLevels = (): void => {
    const none = { cpuQuotaUs: undefined, memoryBytes: undefined };
    const [all, burstable, bestEffort] = qosLevels(top);
    apply(all ?? "", config.allocatable ?? { cpuShares: 1024, ...none });
    apply(burstable ?? "", { cpuShares: burstableShares(ports.pods()), ...none });
    apply(bestEffort ?? "", { cpuShares: leastShares, ...none });
  };

  const removeTree = (directory: string): void => {
    if (!existsSync(directory)) return;
    for (const entry of readdirSync(directory, { withFileTypes: true }))
      if (entry.isDirectory()) removeTree(join(directory, entry.name));
    try {
      rmdirSync(directory);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  };
  /** An engine that is killed while it makes a container forgets it, and leaves its first process behind: nobody else would end that. */
  const endRest = (paths: readonly string[]): void => {
    for (const directory of paths.map((path) => join(root, "memory", path)).filter((path) => existsSync(path))) {
      const groups = readdirSync(directory, { recursive: true, withFileTypes: true });
      const files = groups
        .filter(({ name }) => name === "cgroup.procs")
        .map(({ parentPath, name }) => join(parentPath, name));
      const pids = files.flatMap((file) => readFileSync(file, "latin1").split("\n").map(Number));
      // Processes of another namespace are listed as 0.
      for (const pid of pids.filter((one) => one > 1)) {
        log.warn({ pid, cgroup: directory }, "ends a process that is left of a pod which has ended");
        process.kill(pid, "SIGKILL");
      }
    }
  };
  const removeEverywhere = async (paths: readonly string[]): Promise<void> => {
    for (let attempt = 1; ; attempt++) {
      try {
        if (attempt % triesBeforeKill === 0) endRest(paths);
        for (const hierarchy of hierarchies()) for (const path of paths) removeTree(join(hierarchy, path));
        return;
      } catch (error) {
        if (attempt === removalTries) return log.warn({ err: error }, "a pod's cgroup could not be removed");
      }
      await clock.sleep(removalRetryMs);
    }
  };

  return {
    prepare(pod) {
      try {
        const path = podCgroupPath(top, pod);
        applyLevels();
        apply(path, podLimits(pod));
        return path;
      } catch (error) {
        if (!complained) log.warn({ err: error }, "pods have no cgroups of their own: the machine does not let us");
        complained = true;
        return undefined;
      }
    },
    resize(pod, moment) {
      const path = podCgroupPath(top, pod);
      if (!existsSync(join(root, "memory", path))) return;
      const { cpuShares, cpuQuotaUs, memoryBytes } = podLimits(pod);
      if (moment === "after") {
        applyLevels();
        try {
          return apply(path, { cpuShares, cpuQuotaUs, memoryBytes });
        } catch (error) {
          // Another container of it still has a larger limit: it comes down next, and the pod with it.
          if ((error as NodeJS.ErrnoException).code === "EINVAL") return;
          throw error;
        }
      }
      const wider = (a: number | undefined, b: number | undefined): number | undefined =>
        a === undefined || b === undefined ? undefined : Math.max(a, b);
      apply(path, {
        cpuShares,
        cpuQuotaUs: wider(cpuQuotaUs, quotaOf(path)),
        memoryBytes: wider(memoryBytes, memoryOf(path)),
      });
    },
    remove: (podUid) => removeEverywhere(qosLevels(top).map((level) => `${level}/pod${podUid}`)),
    podUids: () => [
      ...new Set(
        qosLevels(top).flatMap((level) => {
          const directory = join(root, "memory", level);
          if (!existsSync(directory)) return [];
          return readdirSync(directory).flatMap((name) => (name.startsWith("pod") ? name.slice(3) : []));
        }),
      ),
    ],
    clear: () => removeEverywhere([`/${top}`]),
  };
}
