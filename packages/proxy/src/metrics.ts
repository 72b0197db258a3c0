// Every metric of the proxy in one table, under kube-proxy's names where it has one.
import { defineMetrics } from "@coxswain/daemon";

const seconds = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

export const proxyMetrics = defineMetrics({
  syncDuration: {
    kind: "histogram",
    name: "kubeproxy_sync_proxy_rules_duration_seconds",
    help: "Duration of one comparison with the kernel and its writing.",
    buckets: seconds,
  },
  programmingLatency: {
    kind: "histogram",
    name: "kubeproxy_network_programming_duration_seconds",
    help: "From the first unserved change seen to the rules in force.",
    buckets: seconds,
  },
  lastSync: {
    kind: "gauge",
    name: "kubeproxy_sync_proxy_rules_last_timestamp_seconds",
    help: "When the rules were last known to be right.",
  },
  failures: {
    kind: "counter",
    name: "kubeproxy_sync_proxy_rules_iptables_restore_failures_total",
    help: "Turns in which the rules could not be read or written.",
  },
  repairs: {
    kind: "counter",
    name: "coxswain_proxy_repairs_total",
    help: "Turns that found rules changed by somebody else.",
  },
  flowsForgotten: {
    kind: "counter",
    name: "coxswain_proxy_conntrack_flows_forgotten_total",
    help: "Flows removed because they led nowhere.",
  },
});
