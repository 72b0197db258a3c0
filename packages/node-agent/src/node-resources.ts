// What keeps the node from running out, put together: usage, eviction, garbage collection, out-of-memory, and the last check of
// new pods. Only wiring.
import type { Node, Pod } from "@coxswain/api/core/v1";
import type { DeepReadonly } from "@coxswain/apimachinery";
import type { ContainerRuntime, RuntimeVersion } from "@coxswain/container-runtime";
import type { DaemonPorts } from "@coxswain/daemon";
import type { NodeAgentConfig } from "./config.ts";
import { rejectionOf } from "./core/admission/admit.ts";
import type { Rejection } from "./core/admission/admit.ts";
import { missingFeature } from "./core/admission/host-features.ts";
import { amountOf } from "./core/container/amount.ts";
import type { Threshold } from "./core/eviction/thresholds.ts";
import { allContainersOf } from "./core/pod/lifecycle.ts";
import { createEvictionManager } from "./io/eviction/manager.ts";
import { createImageCollector } from "./io/gc/image-collector.ts";
import { openKernelLog } from "./io/oom/kernel-log.ts";
import { createOomWatcher } from "./io/oom/watcher.ts";
import { createProbeCounts } from "./io/probe/probe-counts.ts";
import type { ProbeCounts } from "./io/probe/probe-counts.ts";
import type { PodSet } from "./io/pods/pod-set.ts";
import { createDiskMeter, fileSystemOf } from "./io/stats/disk.ts";
import { createUsageReader, localVolumePath } from "./io/stats/reader.ts";
import type { UsageReader } from "./io/stats/reader.ts";

export interface NodeResources {
  readonly usage: UsageReader;
  /** Conditions of pressure that hold. */
  pressures(): readonly string[];
  /** Why the node does not take the pod beside the others. */
  admit(pod: Pod, others: readonly Pod[]): Rejection | undefined;
  /** A probe has been asked. */
  readonly probed: ProbeCounts["count"];
  run(signal: AbortSignal): Promise<void>;
}

export function createNodeResources(
  config: NodeAgentConfig,
  ports: Pick<DaemonPorts, "clock" | "log"> & {
    readonly runtime: ContainerRuntime;
    readonly version: RuntimeVersion;
    readonly appArmor: boolean;
    readonly tellNode: (type: "Normal" | "Warning", reason: string, message: string) => void;
    readonly node: () => DeepReadonly<Node> | undefined;
    readonly podSet: () => PodSet;
    readonly tellPod: (pod: Pod, container: string | undefined, reason: string, message: string) => void;
    /** The node's conditions have changed. */
    readonly changed: () => void;
  },
): NodeResources {
  const { clock, log, runtime, version, tellNode } = ports;
  const { nodeName, rootDirectory } = config;
  const disk = createDiskMeter(clock);
  const probes = createProbeCounts();
  const pods = (): readonly Pod[] =>
    ports
      .podSet()
      .workers()
      .map((worker) => worker.pod());
  const living = (): readonly Pod[] =>
    pods().filter(({ status }) => status?.phase !== "Failed" && status?.phase !== "Succeeded");
  const podOf = (uid: string): Pod | undefined => pods().find((pod) => pod.metadata.uid === uid);
  const usage = createUsageReader(
    { nodeName, rootDirectory, runtime: version },
    {
      ...{ clock, runtime, disk, pods },
      probes: () => probes.text(new Set(pods().map((pod) => pod.metadata.uid ?? ""))),
    },
  );
  const imageFs = () => fileSystemOf(version.rootDirectory, clock);
  const images = createImageCollector(
    { ...config.imageGc, pinned: [config.sandboxImage] },
    {
      ...{ clock, log, runtime, imageFs, tellNode },
      used: async () => new Set((await usage.collector.known()).map(({ inspection }) => inspection.imageId)),
    },
  );
  const eviction = createEvictionManager(config.eviction, {
    ...{ clock, log, disk, imageFs, tellNode, changed: ports.changed, pods: living },
    node: () => usage.node(),
    containers: (withDisks) => usage.containers(withDisks),
    nodeFs: () => fileSystemOf(rootDirectory, clock),
    volumePath: (podUid, volume) => localVolumePath(rootDirectory, podUid, volume),
    end(pod, ending) {
      ports.tellPod(pod, undefined, ending.reason, ending.message);
      ports
        .podSet()
        .workers()
        .find((worker) => worker.pod().metadata.uid === pod.metadata.uid)
        ?.end(ending);
    },
    reclaimImages: (signal) => images.reclaimAll(signal),
  });
  const kernelLog = openKernelLog();
  if (kernelLog.missing !== undefined)
    log.warn({ because: kernelLog.missing }, "the kernel's log cannot be read: who is killed for memory stays unnamed");
  const oom = createOomWatcher({
    ...{ clock, log: kernelLog, tellNode, containers: () => usage.containers() },
    limitOf(podUid, container) {
      const pod = podOf(podUid);
      const spec = pod && allContainersOf(pod).find((candidate) => candidate.name === container);
      return amountOf(spec?.resources?.limits?.memory);
    },
    tellPod(podUid, container, message) {
      const pod = podOf(podUid);
      if (pod) ports.tellPod(pod, container, "OOMKilling", message);
    },
  });
  const followEngine = async (signal: AbortSignal): Promise<void> => {
    for await (const event of runtime.events(signal)) {
      usage.collector.changed();
      if (event.type === "outOfMemory")
        await oom
          .happened(event)
          .catch((error: unknown) => log.warn({ err: error }, "a kill for want of memory could not be told of"));
    }
  };

  return {
    usage,
    probed: probes.count,
    pressures: () => eviction.pressures(),
    admit(pod, others) {
      const node = ports.node();
      if (pod.status?.startTime !== undefined) return undefined; // Taken before.
      const missing = missingFeature(pod, { appArmor: ports.appArmor, unsafeSysctls: config.unsafeSysctls });
      // The node is not known yet: what the API has bound here was found to fit by somebody.
      if (missing || !node?.status?.allocatable) return missing;
      return rejectionOf(pod, {
        allocatable: node.status.allocatable,
        labels: node.metadata.labels ?? {},
        taints: [...(node.spec?.taints ?? [])],
        pressures: eviction.pressures(),
        others,
      });
    },
    async run(signal) {
      await Promise.all([
        usage.collector.run(signal),
        followEngine(signal),
        eviction.run(signal),
        images.run(signal),
        oom.run(signal),
      ]);
    },
  };
}

/** What hard thresholds keep free is not the pods' to ask for. */
export function evictionReserve(thresholds: readonly Threshold[]): {
  readonly memory: Threshold["value"] | undefined;
  readonly disk: Threshold["value"] | undefined;
} {
  const hard = (signal: Threshold["signal"]): Threshold["value"] | undefined =>
    thresholds.find((threshold) => threshold.isHard && threshold.signal === signal)?.value;
  return { memory: hard("memory.available"), disk: hard("nodefs.available") };
}
