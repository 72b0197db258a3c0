// Every metric of the DNS daemon in one table, under CoreDNS' names and labels.
import { defineMetrics } from "@coxswain/daemon";
import type { Metrics } from "@coxswain/daemon";
import type { UpstreamPorts } from "./io/upstream.ts";

const buckets = [
  0.00025, 0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256, 0.512, 1.024, 2.048, 4.096, 8.192,
];

/** There is one server, and one view of it; the zone is the cluster's or, for all else, the root. */
export function dnsLabels(domain: string): {
  readonly server: { readonly server: string; readonly view: string };
  readonly zone: string;
} {
  return { server, zone: `${domain}.` };
}
const server = { server: "dns://:53", view: "" };

export const dnsMetrics = defineMetrics({
  requests: {
    kind: "counter",
    name: "coredns_dns_requests_total",
    help: "Questions by zone, protocol, family and type.",
    labels: ["server", "zone", "view", "proto", "family", "type"],
  },
  responses: {
    kind: "counter",
    name: "coredns_dns_responses_total",
    help: "Answers by zone and response code.",
    labels: ["server", "zone", "view", "rcode"],
  },
  duration: {
    kind: "histogram",
    name: "coredns_dns_request_duration_seconds",
    help: "From the question's arrival to its answer.",
    labels: ["server", "zone", "view"],
    buckets,
  },
  cacheHits: {
    kind: "counter",
    name: "coredns_cache_hits_total",
    help: "Forwarded questions answered from the cache, by what was kept: success or denial.",
    labels: ["server", "type", "zones", "view"],
  },
  cacheMisses: {
    kind: "counter",
    name: "coredns_cache_misses_total",
    help: "Forwarded questions that went upstream.",
    labels: ["server", "zones", "view"],
  },
  cacheRequests: {
    kind: "counter",
    name: "coredns_cache_requests_total",
    help: "Forwarded questions looked for in the cache.",
    labels: ["server", "zones", "view"],
  },
  cacheEntries: {
    kind: "gauge",
    name: "coredns_cache_entries",
    help: "Answers of other servers that are kept.",
    labels: ["server", "type", "zones", "view"],
  },
  forwards: {
    kind: "counter",
    name: "coredns_forward_requests_total",
    help: "Questions to each name server.",
    labels: ["to"],
  },
  forwardResponses: {
    kind: "counter",
    name: "coredns_forward_responses_total",
    help: "Answers of each name server by response code.",
    labels: ["to", "rcode"],
  },
  forwardDuration: {
    kind: "histogram",
    name: "coredns_forward_request_duration_seconds",
    help: "From a question to a name server until its answer.",
    labels: ["to", "rcode"],
    buckets,
  },
  forwardHealthFailures: {
    kind: "counter",
    name: "coredns_forward_healthcheck_failures_total",
    help: "Signs of life that a name server did not give.",
    labels: ["to"],
  },
  forwardRejects: {
    kind: "counter",
    name: "coredns_forward_max_concurrent_rejects_total",
    help: "Questions that failed because too many were on their way.",
  },
});

/** What the upstream tells, counted. */
export function upstreamObservers(
  metrics: Metrics<typeof dnsMetrics>,
): Pick<UpstreamPorts, "onCache" | "onAnswer" | "onReject"> {
  const zones = { ...server, zones: "." };
  return {
    onCache(outcome, entries) {
      metrics.cacheRequests.inc(zones);
      if (outcome === "miss") metrics.cacheMisses.inc(zones);
      else metrics.cacheHits.inc({ ...zones, type: outcome });
      metrics.cacheEntries.set(entries, { ...zones, type: "success" });
    },
    onAnswer(to, code, seconds) {
      metrics.forwards.inc({ to });
      if (code === undefined) return;
      const rcode = responseCodeName(code);
      metrics.forwardResponses.inc({ to, rcode });
      metrics.forwardDuration.observe(seconds, { to, rcode });
    },
    onReject: () => metrics.forwardRejects.inc(),
  };
}

/** The name of a message's four bits of code. */
export function responseCodeName(code: number): string {
  return codeNames[code] ?? "OTHER";
}
const codeNames = ["NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"];
