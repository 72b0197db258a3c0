// Every metric of the DNS daemon in one table, under CoreDNS' names.
import { defineMetrics } from "@coxswain/daemon";

export const dnsMetrics = defineMetrics({
  requests: {
    kind: "counter",
    name: "coredns_dns_requests_total",
    help: "Questions by protocol and type.",
    labels: ["proto", "type"],
  },
  responses: {
    kind: "counter",
    name: "coredns_dns_responses_total",
    help: "Answers by response code.",
    labels: ["rcode"],
  },
  duration: {
    kind: "histogram",
    name: "coredns_dns_request_duration_seconds",
    help: "From the question's arrival to its answer.",
    buckets: [0.00025, 0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256, 0.512, 1, 2, 4],
  },
  cacheHits: {
    kind: "counter",
    name: "coredns_cache_hits_total",
    help: "Forwarded questions answered from the cache.",
  },
  cacheMisses: { kind: "counter", name: "coredns_cache_misses_total", help: "Forwarded questions that went upstream." },
});
