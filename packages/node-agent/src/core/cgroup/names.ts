// Where a pod's cgroup lies in the tree by quality of service, and what it is called for the engine: directories of the kernel's where the engine's driver is
// cgroupfs, slices of systemd's where it is systemd (there "-" parts the levels, so it cannot stand in a name). The kubelet's names. Pure.
import type { Pod } from "@coxswain/api/core/v1";
import { qosOf } from "../container/resources.ts";

export type CgroupDriver = "cgroupfs" | "systemd";

/** Paths begin at the root of the hierarchy. */
export interface CgroupNames {
  /** The whole tree, and of it those that burst and those that have asked for nothing. */
  readonly all: string;
  readonly burstable: string;
  readonly bestEffort: string;
  pathOf(pod: Pod): string;
  /** As the engine takes it for a parent. */
  parentOf(pod: Pod): string;
  /** All places at which a pod may be, for whoever only knows its uid. */
  placesOf(podUid: string): readonly string[];
  /** Undefined for what is not a pod's. */
  uidOf(directory: string): string | undefined;
}

export function cgroupNames(driver: CgroupDriver, top: string): CgroupNames {
  return driver === "systemd" ? sliceNames(top.replaceAll("-", "_")) : directoryNames(top);
}

function directoryNames(top: string): CgroupNames {
  const levels = { all: `/${top}`, burstable: `/${top}/burstable`, bestEffort: `/${top}/besteffort` };
  const pathOf = (pod: Pod): string => `${levelOf(levels, pod)}/pod${pod.metadata.uid ?? ""}`;
  return {
    ...levels,
    ...{ pathOf, parentOf: pathOf },
    placesOf: (uid) => Object.values(levels).map((level) => `${level}/pod${uid}`),
    uidOf: (directory) => /^pod(.+)$/.exec(directory)?.[1],
  };
}

function sliceNames(top: string): CgroupNames {
  const levels = {
    all: `/${top}.slice`,
    burstable: `/${top}.slice/${top}-burstable.slice`,
    bestEffort: `/${top}.slice/${top}-besteffort.slice`,
  };
  const below = (level: string, uid: string): string =>
    `${level}/${unitOf(level).replace(/\.slice$/, "")}-pod${uid.replaceAll("-", "_")}.slice`;
  const pathOf = (pod: Pod): string => below(levelOf(levels, pod), pod.metadata.uid ?? "");
  return {
    ...levels,
    pathOf,
    parentOf: (pod) => unitOf(pathOf(pod)),
    placesOf: (uid) => Object.values(levels).map((level) => below(level, uid)),
    uidOf: (directory) => /-pod([^-]+)\.slice$/.exec(directory)?.[1]?.replaceAll("_", "-"),
  };
}

/** Whether a path of the kernel's is the cgroup of this pod, whoever has made it. */
export function isPodCgroup(path: string, podUid: string): boolean {
  return path.endsWith(`/pod${podUid}`) || path.endsWith(`-pod${podUid.replaceAll("-", "_")}.slice`);
}

/** A slice's path repeats its name; the last part is the name itself. */
export function unitOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

function levelOf(levels: Pick<CgroupNames, "all" | "burstable" | "bestEffort">, pod: Pod): string {
  const qos = qosOf(pod);
  return qos === "Guaranteed" ? levels.all : qos === "Burstable" ? levels.burstable : levels.bestEffort;
}
