// The cgroups of pods: one for each, with the limits of the pod as a whole, in a tree by quality of service. The engine puts containers into them
// (`--cgroup-parent`). How the machine has its cgroups (version 1, version 2, slices of systemd's) is the tree's affair; where the agent can make none,
// pods go on without, and the reason is told once.
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Pod } from "@coxswain/api/core/v1";
import type { Clock } from "@coxswain/clock";
import type { RuntimeVersion } from "@coxswain/container-runtime";
import type { Logger } from "@coxswain/daemon";
import { cgroupNames } from "../../core/cgroup/names.ts";
import { burstableShares, podLimits } from "../../core/cgroup/pod-limits.ts";
import type { CgroupLimits } from "../../core/cgroup/pod-limits.ts";
import { leastShares } from "../../core/container/resources.ts";
import { readIfThere } from "./cgroups.ts";
import { createSliceTree } from "./slices.ts";
import { createTreeV1 } from "./tree-v1.ts";
import { createTreeV2 } from "./tree-v2.ts";
import type { CgroupTree } from "./tree.ts";

export interface PodCgroups {
  /** Makes the pod's cgroup, or its limits what they should be by now; what the engine calls it, `undefined` where pods have none. */
  prepare(pod: Pod): Promise<string | undefined>;
  /** A container of it runs: the kernel is to end all of it when it is out of memory, which only version 2 can do. */
  begun(pod: Pod, containerId: string): void;
  /** Before limits of containers change nothing is to be in the way of the old ones or the new; throws what the kernel refuses afterwards. */
  resize(pod: Pod, moment: "before" | "after"): Promise<void>;
  /** The engine has ended all of the pod; what runs in its cgroup all the same is ended, too. */
  remove(podUid: string): Promise<void>;
  podUids(): readonly string[];
  /** The whole tree. */
  clear(): Promise<void>;
}

/** How the engine does it, which is how the agent must. */
type EngineCgroups = Pick<RuntimeVersion, "cgroupVersion" | "cgroupDriver">;

const root = "/sys/fs/cgroup";
/** Processes that were killed are still on their way out. */
const removalTries = 40;
const removalRetryMs = 50;
const triesBeforeKill = 10;

/** Why pods have no cgroups of their own here; undefined when they have. */
export function whyNoPodCgroups({ cgroupVersion, cgroupDriver }: EngineCgroups): string | undefined {
  if (cgroupVersion === 1) {
    if (cgroupDriver !== "cgroupfs")
      return `the engine uses cgroups of version 1 by the driver ${cgroupDriver}; the agent makes those of version 1 by cgroupfs only`;
    const missing = ["cpu", "memory"].filter((controller) => !existsSync(join(root, controller, "cgroup.procs")));
    return missing.length === 0 ? undefined : `not seen below ${root}: ${missing.join(", ")}`;
  }
  const there = readIfThere(join(root, "cgroup.controllers")).trim().split(" ");
  const missing = ["cpu", "memory"].filter((controller) => !there.includes(controller));
  if (missing.length > 0) return `${root} is not the root of cgroups of version 2 with ${missing.join(" and ")}`;
  // Only the true root may have processes and hand controllers down all the same; this one is a container's, or another machine's within this.
  if (existsSync(join(root, "cgroup.type")) && readIfThere(join(root, "cgroup.procs")) !== "")
    return `${root} is the root of a container's cgroups, not of the machine's`;
  if (cgroupDriver === "systemd" && !existsSync("/run/dbus/system_bus_socket"))
    return "the engine's cgroups are systemd's, and systemd's bus is not to be reached from here";
  return undefined;
}

function treeOf({ cgroupVersion, cgroupDriver }: EngineCgroups): CgroupTree {
  if (cgroupVersion === 1) return createTreeV1(root);
  return cgroupDriver === "systemd" ? createSliceTree(root) : createTreeV2(root);
}

export function createPodCgroups(
  config: {
    readonly engine: EngineCgroups;
    /** The name of the tree, of this agent's pods alone. */
    readonly top: string;
    /** What all pods together may use; undefined when nobody is to hold them to it. */
    readonly allocatable: CgroupLimits | undefined;
    /** How many processes a pod may have; undefined for as many as it wants. */
    readonly processesPerPod: number | undefined;
    /** A container that is out of memory loses one process only, also where all of it could be ended. */
    readonly singleProcessOomKill: boolean;
  },
  ports: { readonly clock: Clock; readonly log: Logger; readonly pods: () => readonly Pod[] },
): PodCgroups {
  const { clock, log } = ports;
  const tree = treeOf(config.engine);
  const names = cgroupNames(config.engine.cgroupDriver, config.top);
  let complained = false;
  const complain = (error: unknown, message: string): void => {
    if (!complained) log.warn({ err: error }, message);
    complained = true;
  };

  const applyLevels = async (): Promise<void> => {
    const none = { cpuQuotaUs: undefined, memoryBytes: undefined };
    await tree.apply(names.all, config.allocatable ?? { cpuShares: 1024, ...none });
    await tree.apply(names.burstable, { cpuShares: burstableShares(ports.pods()), ...none });
    await tree.apply(names.bestEffort, { cpuShares: leastShares, ...none });
  };

  /** An engine that is killed while it makes a container forgets it, and leaves its first process behind: nobody else would end that. */
  const endRest = (path: string): void => {
    for (const pid of tree.processes(path)) {
      log.warn({ pid, cgroup: path }, "ends a process that is left of a pod which has ended");
      process.kill(pid, "SIGKILL");
    }
  };
  const removeAll = async (paths: readonly string[]): Promise<void> => {
    for (let attempt = 1; ; attempt++) {
      try {
        if (attempt % triesBeforeKill === 0) for (const path of paths) endRest(path);
        for (const path of paths) await tree.remove(path);
        return;
      } catch (error) {
        if (attempt === removalTries) return log.warn({ err: error }, "a pod's cgroup could not be removed");
      }
      await clock.sleep(removalRetryMs);
    }
  };

  return {
    async prepare(pod) {
      try {
        await applyLevels();
        await tree.apply(names.pathOf(pod), podLimits(pod, config.processesPerPod));
        return names.parentOf(pod);
      } catch (error) {
        complain(error, "pods have no cgroups of their own: the machine does not let us");
        return undefined;
      }
    },
    begun(pod, containerId) {
      if (config.singleProcessOomKill) return;
      const path = names.pathOf(pod);
      try {
        for (const name of tree.children(path)) if (name.includes(containerId)) tree.endAsOne(`${path}/${name}`);
      } catch (error) {
        complain(error, "a container that is out of memory may lose only some of its processes");
      }
    },
    async resize(pod, moment) {
      const path = names.pathOf(pod);
      if (!tree.exists(path)) return;
      const limits = podLimits(pod, config.processesPerPod);
      const { cpuQuotaUs, memoryBytes } = limits;
      if (moment === "after") {
        await applyLevels();
        try {
          return await tree.apply(path, limits);
        } catch (error) {
          // Another container of it still has a larger limit: it comes down next, and the pod with it.
          if ((error as NodeJS.ErrnoException).code === "EINVAL") return;
          throw error;
        }
      }
      const now = tree.limitsOf(path);
      const wider = (a: number | undefined, b: number | undefined): number | undefined =>
        a === undefined || b === undefined ? undefined : Math.max(a, b);
      await tree.apply(path, {
        ...limits,
        cpuQuotaUs: wider(cpuQuotaUs, now.cpuQuotaUs),
        memoryBytes: wider(memoryBytes, now.memoryBytes),
      });
    },
    remove: (podUid) => removeAll(names.placesOf(podUid)),
    podUids: () => [
      ...new Set(
        [names.all, names.burstable, names.bestEffort].flatMap((level) =>
          tree.children(level).flatMap((name) => names.uidOf(name) ?? []),
        ),
      ),
    ],
    clear: () => removeAll([names.all]),
  };
}
