// Every metric of the scheduler, under kube-scheduler's names.
import { defineMetrics } from "@coxswain/daemon";

const attemptBuckets = [
  0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256, 0.512, 1.024, 2.048, 4.096, 8.192, 16.384,
];

export const metricTable = defineMetrics({
  attempts: {
    kind: "counter",
    name: "scheduler_schedule_attempts_total",
    help: "Attempts to place a pod, by result: scheduled, unschedulable or error.",
    labels: ["result", "profile"],
  },
  attemptSeconds: {
    kind: "histogram",
    name: "scheduler_scheduling_attempt_duration_seconds",
    help: "Time from taking a pod to its binding, or to finding none.",
    labels: ["result", "profile"],
    buckets: attemptBuckets,
  },
  algorithmSeconds: {
    kind: "histogram",
    name: "scheduler_scheduling_algorithm_duration_seconds",
    help: "Time of filtering, scoring and choosing.",
    buckets: attemptBuckets,
  },
  podSeconds: {
    kind: "histogram",
    name: "scheduler_pod_scheduling_sli_duration_seconds",
    help: "Time from a pod's first appearance to its binding, by attempts.",
    labels: ["attempts"],
    buckets: [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92, 163.84, 327.68],
  },
  preemptions: {
    kind: "counter",
    name: "scheduler_preemption_attempts_total",
    help: "Times that room was made for a pod.",
  },
  victims: {
    kind: "histogram",
    name: "scheduler_preemption_victims",
    help: "Pods that were taken away for one pod.",
    buckets: [1, 2, 4, 8, 16, 32, 64],
  },
  pending: {
    kind: "gauge",
    name: "scheduler_pending_pods",
    help: "Pods that wait, by part of the queue: active, backoff, unschedulable or gated.",
    labels: ["queue"],
  },
  cacheSize: {
    kind: "gauge",
    name: "scheduler_scheduler_cache_size",
    help: "Objects in the scheduler's view, by type: nodes, pods, assumed_pods.",
    labels: ["type"],
  },
});
