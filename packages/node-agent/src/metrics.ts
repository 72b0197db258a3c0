// Every metric of the node agent in one table, under the kubelet's names where it has one.
import { defineMetrics } from "@coxswain/daemon";
import type { Metrics } from "@coxswain/daemon";

export const agentMetrics = defineMetrics({
  podStart: {
    kind: "histogram",
    name: "kubelet_pod_start_duration_seconds",
    help: "From first sight of a pod to all its containers running.",
    buckets: [0.25, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10, 30, 60],
  },
  runtimeOperations: {
    kind: "histogram",
    name: "kubelet_runtime_operations_duration_seconds",
    help: "Duration of runtime operations by type.",
    labels: ["operation_type"],
    buckets: [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 10, 60],
  },
  runtimeErrors: {
    kind: "counter",
    name: "kubelet_runtime_operations_errors_total",
    help: "Failed runtime operations by type.",
    labels: ["operation_type"],
  },
  runningPods: { kind: "gauge", name: "kubelet_running_pods", help: "Pods with a running sandbox." },
  restarts: {
    kind: "counter",
    name: "coxswain_container_restarts_total",
    help: "Containers started again after an earlier attempt.",
  },
  certificateEnd: {
    kind: "gauge",
    name: "coxswain_certificate_expiration_timestamp_seconds",
    help: "When the agent's own certificate ends, by what it is for.",
    labels: ["usage"],
  },
  heartbeatFailures: {
    kind: "counter",
    name: "coxswain_heartbeat_failures_total",
    help: "Renewals of the node's lease that failed.",
  },
});

export type AgentMetrics = Metrics<typeof agentMetrics>;
