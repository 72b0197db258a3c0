// Every metric of the apiserver, under Kubernetes' names.
import { defineMetrics } from "@coxswain/daemon";

export const metricTable = defineMetrics({
  requests: {
    kind: "counter",
    name: "apiserver_request_total",
    help: "Requests, by what they were about and how they ended.",
    labels: ["verb", "dry_run", "group", "version", "resource", "subresource", "scope", "component", "code"],
  },
  durations: {
    kind: "histogram",
    name: "apiserver_request_duration_seconds",
    help: "Time to answer, without watches.",
    labels: ["verb", "group", "version", "resource", "subresource", "scope", "component"],
    buckets: [0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60],
  },
  inflight: {
    kind: "gauge",
    name: "apiserver_current_inflight_requests",
    help: "Requests under way.",
    labels: ["request_kind"],
  },
  refused: {
    kind: "counter",
    name: "apiserver_dropped_requests_total",
    help: "Requests refused with 429.",
    labels: ["request_kind"],
  },
  watchers: {
    kind: "gauge",
    name: "apiserver_longrunning_requests",
    help: "Watches and streams under way.",
    labels: ["verb", "resource"],
  },
  watchEvents: {
    kind: "counter",
    name: "apiserver_watch_events_total",
    help: "Events sent to watchers.",
    labels: ["resource"],
  },
  slowWatchers: {
    kind: "counter",
    name: "apiserver_terminated_watchers_total",
    help: "Watches ended because their reader was too slow.",
    labels: ["resource"],
  },
  bugs: {
    kind: "counter",
    name: "apiserver_request_aborts_total",
    help: "Requests that failed for a reason nobody expected.",
    labels: ["resource"],
  },
  storageObjects: {
    kind: "gauge",
    name: "apiserver_storage_objects",
    help: "Objects in the watch cache.",
    labels: ["resource"],
  },
  watchCacheRevision: {
    kind: "gauge",
    name: "apiserver_watch_cache_resource_version",
    help: "The revision up to which nothing is missing from a watch cache.",
    labels: ["resource"],
  },
  storeRequests: {
    kind: "counter",
    name: "etcd_requests_total",
    help: "Requests to the store.",
    labels: ["operation", "type"],
  },
  storeFailures: {
    kind: "counter",
    name: "etcd_request_errors_total",
    help: "Requests to the store that failed; somebody else being first is no failure.",
    labels: ["operation", "type"],
  },
  storeDurations: {
    kind: "histogram",
    name: "etcd_request_duration_seconds",
    help: "Time until the store has answered.",
    labels: ["operation", "type"],
    buckets: [0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60],
  },
  authentications: {
    kind: "counter",
    name: "authentication_attempts",
    help: "Requests by whether their sender was known; strangers who may be served count as known.",
    labels: ["result"],
  },
  authorizations: {
    kind: "counter",
    name: "authorization_attempts_total",
    help: "Requests by whether their sender may do what they ask.",
    labels: ["result"],
  },
  refusals: {
    kind: "counter",
    name: "apiserver_refused_requests_total",
    help: "Requests that the gate refused, by stage: the kind of credential, the permission, the admission plugin.",
    labels: ["stage", "reason"],
  },
  memoryRefused: {
    kind: "counter",
    name: "apiserver_memory_rejected_requests_total",
    help: "Requests refused with 429 because answering them would have taken more memory than there is.",
    labels: ["verb"],
  },
});
