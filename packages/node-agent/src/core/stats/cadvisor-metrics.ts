// `/metrics/cadvisor`: what dashboards for Kubernetes expect of every container, under cAdvisor's names and labels. Pure.
import { expositionOf } from "./exposition.ts";
import type { Family, Sample } from "./exposition.ts";
import type { ContainerUsage, InterfaceUsage, NodeUsage } from "./usage.ts";

type Value = (container: ContainerUsage) => number | undefined;

export function cadvisorMetrics(
  node: NodeUsage,
  containers: readonly ContainerUsage[],
  facts: { readonly kernelVersion: string; readonly osVersion: string; readonly version: string },
): string {
  const of = (type: Family["type"], name: string, help: string, value: Value, more: Sample["labels"] = {}): Family => ({
    ...{ type, name, help },
    samples: containers.flatMap((container) => {
      const found = value(container);
      return found === undefined
        ? []
        : [{ labels: { ...labelsOf(container), ...more }, value: found, atMs: container.readAtMs }];
    }),
  });
  const failures = (type: string, value: Value): readonly Sample[] =>
    of("counter", "", "", value, { failure_type: type, scope: "container" }).samples;
  const network = (name: string, help: string, value: (one: InterfaceUsage) => number): Family => ({
    ...{ type: "counter", name, help },
    samples: containers.flatMap((container) =>
      container.interfaces.map((one) => ({
        labels: { ...labelsOf(container), interface: one.name },
        value: value(one),
        atMs: container.readAtMs,
      })),
    ),
  });
  const single = (name: string, help: string, value: number, labels: Sample["labels"] = {}): Family => ({
    ...{ type: "gauge", name, help },
    samples: [{ labels, value }],
  });
  const total = { cpu: "total" };
  return expositionOf([
    single(
      "cadvisor_version_info",
      "A metric with a constant '1' value labeled by kernel version, OS version, docker version, cadvisor version & cadvisor revision.",
      1,
      {
        cadvisorRevision: "",
        cadvisorVersion: facts.version,
        dockerVersion: "",
        kernelVersion: facts.kernelVersion,
        osVersion: facts.osVersion,
      },
    ),
    of(
      "counter",
      "container_cpu_usage_seconds_total",
      "Cumulative cpu time consumed in seconds.",
      ({ usage }) => usage.cpuNanoseconds / 1e9,
      total,
    ),
    of(
      "counter",
      "container_cpu_user_seconds_total",
      "Cumulative user cpu time consumed in seconds.",
      ({ usage }) => usage.cpuUserNanoseconds / 1e9,
    ),
    of(
      "counter",
      "container_cpu_system_seconds_total",
      "Cumulative system cpu time consumed in seconds.",
      ({ usage }) => usage.cpuSystemNanoseconds / 1e9,
    ),
    of(
      "counter",
      "container_cpu_cfs_periods_total",
      "Number of elapsed enforcement period intervals.",
      limited(({ usage }) => usage.periods),
    ),
    of(
      "counter",
      "container_cpu_cfs_throttled_periods_total",
      "Number of throttled period intervals.",
      limited(({ usage }) => usage.throttledPeriods),
    ),
    of(
      "counter",
      "container_cpu_cfs_throttled_seconds_total",
      "Total time duration the container has been throttled.",
      limited(({ usage }) => usage.throttledNanoseconds / 1e9),
    ),
    of(
      "gauge",
      "container_fs_usage_bytes",
      "Number of bytes that are consumed by the container on this filesystem.",
      ({ rootfs }) => rootfs?.usedBytes,
      { device: "" },
    ),
    of("gauge", "container_fs_inodes_total", "Number of Inodes", ({ rootfs }) => rootfs?.inodesUsed, { device: "" }),
    of("gauge", "container_last_seen", "Last time a container was seen by the exporter", ({ readAtMs }) =>
      Math.floor(readAtMs / 1000),
    ),
    of("gauge", "container_memory_cache", "Number of bytes of page cache memory.", ({ usage }) => usage.cacheBytes),
    of("counter", "container_memory_failcnt", "Number of memory usage hits limits", ({ usage }) => usage.limitHits),
    {
      ...{
        name: "container_memory_failures_total",
        help: "Cumulative count of memory allocation failures.",
        type: "counter",
      },
      samples: [
        ...failures("pgfault", ({ usage }) => usage.pageFaults),
        ...failures("pgmajfault", ({ usage }) => usage.majorPageFaults),
      ],
    },
    of(
      "gauge",
      "container_memory_mapped_file",
      "Size of memory mapped files in bytes.",
      ({ usage }) => usage.mappedFileBytes,
    ),
    of(
      "gauge",
      "container_memory_max_usage_bytes",
      "Maximum memory usage recorded in bytes",
      ({ usage }) => usage.mostMemoryBytes,
    ),
    of("gauge", "container_memory_rss", "Size of RSS in bytes.", ({ usage }) => usage.rssBytes),
    of("gauge", "container_memory_swap", "Container swap usage in bytes.", ({ usage }) => usage.swapBytes),
    of(
      "gauge",
      "container_memory_usage_bytes",
      "Current memory usage in bytes, including all memory regardless of when it was accessed",
      ({ usage }) => usage.memoryBytes,
    ),
    of(
      "gauge",
      "container_memory_working_set_bytes",
      "Current working set in bytes.",
      ({ usage }) => usage.workingSetBytes,
    ),
    network("container_network_receive_bytes_total", "Cumulative count of bytes received", (one) => one.receivedBytes),
    network(
      "container_network_receive_errors_total",
      "Cumulative count of errors encountered while receiving",
      (one) => one.receiveErrors,
    ),
    network(
      "container_network_receive_packets_dropped_total",
      "Cumulative count of packets dropped while receiving",
      (one) => one.receiveDropped,
    ),
    network(
      "container_network_receive_packets_total",
      "Cumulative count of packets received",
      (one) => one.receivedPackets,
    ),
    network("container_network_transmit_bytes_total", "Cumulative count of bytes transmitted", (one) => one.sentBytes),
    network(
      "container_network_transmit_errors_total",
      "Cumulative count of errors encountered while transmitting",
      (one) => one.sendErrors,
    ),
    network(
      "container_network_transmit_packets_dropped_total",
      "Cumulative count of packets dropped while transmitting",
      (one) => one.sendDropped,
    ),
    network(
      "container_network_transmit_packets_total",
      "Cumulative count of packets transmitted",
      (one) => one.sentPackets,
    ),
    of(
      "counter",
      "container_oom_events_total",
      "Count of out of memory events observed for the container",
      ({ usage }) => usage.oomKills,
    ),
    of(
      "gauge",
      "container_processes",
      "Number of processes running inside the container.",
      ({ usage }) => usage.processes,
    ),
    {
      ...{
        name: "container_scrape_error",
        help: "1 if there was an error while getting container metrics, 0 otherwise",
        type: "gauge",
      },
      samples: [{ labels: {}, value: 0 }],
    },
    of("gauge", "container_spec_cpu_period", "CPU period of the container.", ({ limits }) => limits.periodUs),
    of(
      "gauge",
      "container_spec_cpu_quota",
      "CPU quota of the container.",
      limited(({ limits }) => limits.quotaUs),
    ),
    of("gauge", "container_spec_cpu_shares", "CPU share of the container.", ({ limits }) => limits.shares),
    of(
      "gauge",
      "container_spec_memory_limit_bytes",
      "Memory limit for the container.",
      ({ usage }) => usage.memoryLimitBytes ?? 0,
    ),
    of(
      "gauge",
      "container_start_time_seconds",
      "Start time of the container since unix epoch in seconds.",
      ({ startedAtMs }) => startedAtMs / 1000,
    ),
    single("machine_cpu_cores", "Number of logical CPU cores.", node.cpus),
    single("machine_memory_bytes", "Amount of memory installed on the machine.", node.memoryBytes),
    single("machine_swap_bytes", "Amount of swap memory available on the machine.", node.swapTotalBytes),
  ]);
}

/** cAdvisor tells of throttling only where there is a limit. */
function limited(value: (container: ContainerUsage) => number): Value {
  return (container) => (container.limits.quotaUs > 0 ? value(container) : undefined);
}

/** In cAdvisor's order, which is the alphabet's. The sandbox has an empty container name there. */
function labelsOf(container: ContainerUsage): Record<string, string> {
  const { name, cgroupPath, image, id, podNamespace, podName } = container;
  return {
    container: name === "POD" ? "" : name,
    id: cgroupPath,
    image,
    name: id,
    namespace: podNamespace,
    pod: podName,
  };
}
