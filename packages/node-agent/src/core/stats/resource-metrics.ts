// `/metrics/resource`: the few numbers that autoscaling and `kubectl top` need, under the kubelet's names. Each carries the time
// it was read, so that a rate between two scrapes is exact. Pure.
import { expositionOf } from "./exposition.ts";
import type { Family, Sample } from "./exposition.ts";
import type { ContainerUsage, NodeUsage } from "./usage.ts";

export function resourceMetrics(node: NodeUsage, all: readonly ContainerUsage[]): string {
  const containers = all.filter((container) => container.name !== "POD");
  const perContainer = (value: (container: ContainerUsage) => number, timed = true): Sample[] =>
    containers.map((container) => ({
      labels: { container: container.name, namespace: container.podNamespace, pod: container.podName },
      value: value(container),
      ...(timed ? { atMs: container.readAtMs } : {}),
    }));
  const pods = Map.groupBy(all, (container) => container.podUid);
  const perPod = (value: (container: ContainerUsage) => number): Sample[] =>
    [...pods.values()].map((own) => ({
      labels: { namespace: own[0]?.podNamespace ?? "", pod: own[0]?.podName ?? "" },
      value: own.reduce((sum, container) => sum + value(container), 0),
      atMs: Math.max(...own.map((container) => container.readAtMs)),
    }));
  const one = (value: number): Sample[] => [{ labels: {}, value, atMs: node.readAtMs }];
  const cpu = ({ usage }: ContainerUsage): number => usage.cpuNanoseconds / 1e9;
  const memory = ({ usage }: ContainerUsage): number => usage.workingSetBytes;
  const swap = ({ usage }: ContainerUsage): number => usage.swapBytes;
  return expositionOf([
    counter(
      "container_cpu_usage_seconds_total",
      "Cumulative cpu time consumed by the container in core-seconds",
      perContainer(cpu),
    ),
    gauge("container_memory_working_set_bytes", "Current working set of the container in bytes", perContainer(memory)),
    gauge(
      "container_start_time_seconds",
      "Start time of the container since unix epoch in seconds",
      perContainer((container) => container.startedAtMs / 1000, false),
    ),
    gauge("container_swap_usage_bytes", "Current amount of the container swap usage in bytes", perContainer(swap)),
    counter(
      "node_cpu_usage_seconds_total",
      "Cumulative cpu time consumed by the node in core-seconds",
      one(node.cpuNanoseconds / 1e9),
    ),
    gauge("node_memory_working_set_bytes", "Current working set of the node in bytes", one(node.workingSetBytes)),
    gauge(
      "node_swap_usage_bytes",
      "Current swap usage of the node in bytes",
      one(node.swapTotalBytes - node.swapFreeBytes),
    ),
    counter("pod_cpu_usage_seconds_total", "Cumulative cpu time consumed by the pod in core-seconds", perPod(cpu)),
    gauge("pod_memory_working_set_bytes", "Current working set of the pod in bytes", perPod(memory)),
    gauge("pod_swap_usage_bytes", "Current amount of the pod swap usage in bytes", perPod(swap)),
    gauge("resource_scrape_error", "1 if there was an error while getting container metrics, 0 otherwise", [
      { labels: {}, value: 0 },
    ]),
  ]);
}

function counter(name: string, help: string, samples: readonly Sample[]): Family {
  return { name, help, type: "counter", samples };
}

function gauge(name: string, help: string, samples: readonly Sample[]): Family {
  return { name, help, type: "gauge", samples };
}
