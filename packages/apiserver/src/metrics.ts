// Every metric of the apiserver, under Kubernetes' names.
import { defineMetrics } from "@coxswain/daemon";

export const metricTable = defineMetrics({
  requests: {
    kind: "counter",
    name: "apiserver_request_total",
    help: "Requests, by what they were about and how they ended.",
    labels: ["verb", "group", "version", "resource", "subresource", "code"],
  },
  durations: {
    kind: "histogram",
    name: "apiserver_request_duration_seconds",
    help: "Time to answer, without watches and streams.",
    labels: ["verb", "resource"],
    buckets: [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 10, 60],
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
});
