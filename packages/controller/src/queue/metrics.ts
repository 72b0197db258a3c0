// The work queue's metrics, under Kubernetes' names. A table for the daemon skin's registry, and the port it becomes.

export interface QueueMetrics {
  readonly depth: { set(value: number, labels: { readonly name: string }): void };
  readonly adds: { inc(labels: { readonly name: string }, by?: number): void };
  readonly retries: { inc(labels: { readonly name: string }, by?: number): void };
  readonly queueSeconds: { observe(value: number, labels: { readonly name: string }): void };
  readonly workSeconds: { observe(value: number, labels: { readonly name: string }): void };
  readonly unfinishedSeconds: { set(value: number, labels: { readonly name: string }): void };
  readonly longestRunningSeconds: { set(value: number, labels: { readonly name: string }): void };
}

const buckets = [1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1, 10, 100, 1000];
const labels = ["name"];

export const queueMetricTable = {
  depth: { kind: "gauge", name: "workqueue_depth", help: "Current depth of the work queue.", labels },
  adds: { kind: "counter", name: "workqueue_adds_total", help: "Adds handled by the work queue.", labels },
  retries: { kind: "counter", name: "workqueue_retries_total", help: "Retries handled by the work queue.", labels },
  queueSeconds: {
    kind: "histogram",
    name: "workqueue_queue_duration_seconds",
    help: "How long a key stays in the queue before it is taken.",
    labels,
    buckets,
  },
  workSeconds: {
    kind: "histogram",
    name: "workqueue_work_duration_seconds",
    help: "How long working on a key takes.",
    labels,
    buckets,
  },
  unfinishedSeconds: {
    kind: "gauge",
    name: "workqueue_unfinished_work_seconds",
    help: "Seconds of work in progress that no work_duration has counted yet; large values mean that something hangs.",
    labels,
  },
  longestRunningSeconds: {
    kind: "gauge",
    name: "workqueue_longest_running_processor_seconds",
    help: "How long the longest running worker has been at its key.",
    labels,
  },
} as const;
