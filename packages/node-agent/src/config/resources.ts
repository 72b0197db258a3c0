// Flags about the node's resources: what is kept back from pods, when pods must go, and when images and dead containers do.
// The kubelet's names, syntax and defaults.
import { UsageError, defineFlags, parseDuration } from "@coxswain/daemon";
import type { FlagValues } from "@coxswain/daemon";
import { amountOf } from "../core/container/amount.ts";
import { isNamespacedSysctl } from "../core/admission/host-features.ts";
import { parseStatements, parseThresholdValue } from "../core/eviction/thresholds.ts";
import type { ShutdownSettings } from "../io/shutdown.ts";
import type { Signal, Threshold } from "../core/eviction/thresholds.ts";

export const resourceFlags = defineFlags({
  "system-reserved": {
    type: "list",
    default: [],
    help: "Resources kept back for the system, cpu=…,memory=…,ephemeral-storage=…,pid=…",
  },
  "kube-reserved": { type: "list", default: [], help: "The same for the cluster's own daemons" },
  "eviction-hard": {
    type: "list",
    default: [
      "memory.available<100Mi",
      "nodefs.available<10%",
      "nodefs.inodesFree<5%",
      "imagefs.available<15%",
      "imagefs.inodesFree<5%",
    ],
    help: "Thresholds at which pods end at once",
  },
  "eviction-soft": { type: "list", default: [], help: "Thresholds at which pods end after a grace period" },
  "eviction-soft-grace-period": {
    type: "list",
    default: [],
    help: "How long a soft threshold must be met, signal=duration",
  },
  "eviction-minimum-reclaim": {
    type: "list",
    default: [],
    help: "How much more than the threshold must be free before pressure ends, signal=quantity",
  },
  "eviction-max-pod-grace-period": {
    type: "number",
    default: 0,
    help: "Longest grace, in seconds, of a pod that ends for a soft threshold",
  },
  "eviction-pressure-transition-period": {
    type: "duration",
    default: "5m",
    help: "How long a condition of pressure outlasts what caused it",
  },
  "cgroups-per-qos": {
    type: "boolean",
    default: true,
    help: "Give each pod a cgroup of its own, with the limits of the pod as a whole, in a tree by quality of service",
  },
  "pod-max-pids": {
    type: "number",
    default: -1,
    help: "How many processes and threads a pod may have at once; -1 for as many as it wants",
  },
  "single-process-oom-kill": {
    type: "boolean",
    default: false,
    help: "With cgroups of version 2, end only one process of a container that is out of memory; version 1 always does",
  },
  "enforce-node-allocatable": {
    type: "list",
    default: ["pods"],
    help: "Who is held to what the reservations leave: pods, or none",
  },
  "image-gc-high-threshold": {
    type: "number",
    default: 85,
    help: "Share of the image file system in percent at which unused images go; 100 for never",
  },
  "image-gc-low-threshold": { type: "number", default: 80, help: "Share at which no more images go" },
  "shutdown-grace-period": {
    type: "duration",
    default: "0s",
    help: "A stop of the agent means that the machine goes down: pods are ended in order within this time; 0 leaves them running",
  },
  "shutdown-grace-period-critical-pods": {
    type: "duration",
    default: "0s",
    help: "The part of --shutdown-grace-period that is kept for critical pods",
  },
  "allowed-unsafe-sysctls": {
    type: "list",
    default: [],
    help: "Kernel settings of their own that pods may have besides the harmless ones; net.core.* for all with that beginning",
  },
  "minimum-image-ttl-duration": { type: "duration", default: "2m", help: "Least age of an image that may go" },
});

export interface ResourceConfig {
  readonly reserved: Readonly<Record<string, number>>;
  readonly eviction: {
    readonly thresholds: readonly Threshold[];
    readonly maxGraceSeconds: number;
    readonly transitionMs: number;
  };
  readonly podCgroups: {
    readonly isOn: boolean;
    readonly enforcesAllocatable: boolean;
    readonly processesPerPod: number | undefined;
    readonly singleProcessOomKill: boolean;
  };
  readonly shutdown: ShutdownSettings;
  readonly unsafeSysctls: readonly string[];
  readonly imageGc: { readonly highPercent: number; readonly lowPercent: number; readonly leastAgeMs: number };
}

const reservable = ["cpu", "memory", "ephemeral-storage", "pid"];

export function readResourceConfig(values: FlagValues<typeof resourceFlags>): ResourceConfig {
  const reserved: Record<string, number> = {};
  for (const flag of ["system-reserved", "kube-reserved"] as const)
    for (const [name, amount] of amounts(flag, values[flag])) reserved[name] = (reserved[name] ?? 0) + amount;
  const [highPercent, lowPercent] = [values["image-gc-high-threshold"], values["image-gc-low-threshold"]];
  if (lowPercent >= highPercent || highPercent > 100 || lowPercent < 0)
    throw new UsageError("--image-gc-low-threshold must be below --image-gc-high-threshold, both of 0 to 100");
  const [graceMs, criticalGraceMs] = [values["shutdown-grace-period"], values["shutdown-grace-period-critical-pods"]];
  if (criticalGraceMs > graceMs)
    throw new UsageError("--shutdown-grace-period-critical-pods must not be longer than --shutdown-grace-period");
  return {
    reserved,
    eviction: {
      thresholds: readThresholds(values),
      maxGraceSeconds: values["eviction-max-pod-grace-period"],
      transitionMs: values["eviction-pressure-transition-period"],
    },
    podCgroups: podCgroups(values),
    shutdown: { graceMs, criticalGraceMs },
    unsafeSysctls: unsafeSysctls(values["allowed-unsafe-sysctls"]),
    imageGc: { highPercent, lowPercent, leastAgeMs: values["minimum-image-ttl-duration"] },
  };
}

function podCgroups(values: FlagValues<typeof resourceFlags>): ResourceConfig["podCgroups"] {
  const [isOn, mostPids] = [values["cgroups-per-qos"], values["pod-max-pids"]];
  const held = values["enforce-node-allocatable"].filter((name) => name !== "" && name !== "none");
  const unknown = held.find((name) => name !== "pods");
  if (unknown !== undefined)
    throw new UsageError(`--enforce-node-allocatable: expected pods or none, found ${JSON.stringify(unknown)}`);
  if (!isOn && held.length > 0)
    throw new UsageError(
      "--enforce-node-allocatable=pods needs --cgroups-per-qos; give none with --cgroups-per-qos=false",
    );
  // The kubelet takes whatever is not a number of processes for "no limit".
  const processesPerPod = mostPids > 0 ? Math.floor(mostPids) : undefined;
  if (!isOn && processesPerPod !== undefined) throw new UsageError("--pod-max-pids needs --cgroups-per-qos");
  const singleProcessOomKill = values["single-process-oom-kill"];
  return { isOn, enforcesAllocatable: held.length > 0, processesPerPod, singleProcessOomKill };
}

function unsafeSysctls(names: readonly string[]): readonly string[] {
  const wrong = names.find((name) => !isNamespacedSysctl(name));
  if (wrong !== undefined)
    throw new UsageError(
      `--allowed-unsafe-sysctls: the sysctls ${JSON.stringify(wrong)} are not known to be namespaced`,
    );
  return names;
}

function readThresholds(values: FlagValues<typeof resourceFlags>): Threshold[] {
  const read = (
    flag: "eviction-hard" | "eviction-soft" | "eviction-soft-grace-period" | "eviction-minimum-reclaim",
    separator: "<" | "=",
  ): ReadonlyMap<Signal, string> => inFlag(flag, () => parseStatements(values[flag], separator));
  const graces = read("eviction-soft-grace-period", "=");
  const reclaims = read("eviction-minimum-reclaim", "=");
  const made = (flag: "eviction-hard" | "eviction-soft", graceMs: (signal: Signal) => number): Threshold[] =>
    [...read(flag, "<")].map(([signal, text]) => {
      const reclaim = reclaims.get(signal);
      return {
        signal,
        value: inFlag(flag, () => parseThresholdValue(text)),
        graceMs: graceMs(signal),
        isHard: flag === "eviction-hard",
        minReclaim:
          reclaim === undefined ? undefined : inFlag("eviction-minimum-reclaim", () => parseThresholdValue(reclaim)),
      };
    });
  return [
    ...made("eviction-hard", () => 0),
    ...made("eviction-soft", (signal) => {
      const text = graces.get(signal);
      if (text === undefined)
        throw new UsageError(
          `--eviction-soft: grace period must be specified for the soft eviction threshold ${signal}`,
        );
      const ms = parseDuration(text);
      if (ms === undefined)
        throw new UsageError(`--eviction-soft-grace-period: expected a duration, found ${JSON.stringify(text)}`);
      return ms;
    }),
  ];
}

function amounts(flag: string, texts: readonly string[]): readonly (readonly [string, number])[] {
  return texts
    .filter((text) => text !== "")
    .map((text) => {
      const at = text.indexOf("=");
      const [name, amount] = [text.slice(0, at), amountOf(text.slice(at + 1))];
      if (at <= 0 || amount === undefined || amount < 0 || !reservable.includes(name))
        throw new UsageError(
          `--${flag}: expected RESOURCE=QUANTITY with a resource of ${reservable.join(", ")}, found ${JSON.stringify(text)}`,
        );
      return [name, amount] as const;
    });
}

function inFlag<T>(flag: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`--${flag}: ${(error as Error).message}`, { cause: error });
  }
}
