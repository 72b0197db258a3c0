import { describe, expect, it } from "vitest";
import type { Service } from "@coxswain/api/core/v1";
import type { EndpointSlice } from "@coxswain/api/discovery/v1";
import type { RecordType } from "./answer.ts";
import { answer } from "./zone.ts";
import type { ClusterView } from "./zone.ts";

const services: Service[] = [
  service("web", {
    clusterIP: "10.96.0.5",
    ports: [
      { name: "http", port: 80 },
      { name: "dns", port: 53, protocol: "UDP" },
    ],
  }),
  service("db", { clusterIP: "None", ports: [{ name: "sql", port: 5432 }] }),
  service("idle", { clusterIP: "None" }),
  service("dual", {
    clusterIP: "10.96.0.7",
    clusterIPs: ["10.96.0.7", "fd00:96::7"],
    ports: [{ name: "http", port: 80 }],
  }),
  service("v6", { clusterIP: "None" }),
  service("number", { type: "ExternalName", externalName: "192.0.2.1" }),
  service("ext", { type: "ExternalName", externalName: "Example.org." }),
];
const slices: EndpointSlice[] = [
  {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { namespace: "shop", name: "db-x", labels: { "kubernetes.io/service-name": "db" } },
    addressType: "IPv4",
    ports: [{ name: "sql", port: 5432 }],
    endpoints: [
      { addresses: ["10.244.1.8"], hostname: "db-1" },
      { addresses: ["10.244.1.7"], hostname: "db-0", conditions: { ready: true } },
      { addresses: ["10.244.1.9"], hostname: "db-2", conditions: { ready: false } },
      { addresses: ["10.244.2.3"] },
    ],
  },
  {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { namespace: "shop", name: "v6-x", labels: { "kubernetes.io/service-name": "v6" } },
    addressType: "IPv6",
    ports: [{ name: "", port: 80 }],
    endpoints: [{ addresses: ["fd00:244::1:7"], hostname: "six" }, { addresses: ["fd00:244::"] }],
  },
];

function service(name: string, spec: Service["spec"]): Service {
  return { apiVersion: "v1", kind: "Service", metadata: { namespace: "shop", name }, ...(spec ? { spec } : {}) };
}

const view: ClusterView = {
  hasNamespace: (name) => ["shop", "bare"].includes(name),
  service: (namespace, name) =>
    services.find(({ metadata }) => metadata.namespace === namespace && metadata.name === name),
  slicesOf: (namespace, name) =>
    slices.filter(
      ({ metadata }) => metadata.namespace === namespace && metadata.labels?.["kubernetes.io/service-name"] === name,
    ),
  servicesAt: (address) => services.filter(({ spec }) => (spec?.clusterIPs ?? [spec?.clusterIP]).includes(address)),
  slicesAt: (address) =>
    slices.filter((slice) => slice.endpoints?.some((endpoint) => endpoint.addresses.includes(address))),
};

/** The name that stands for an IPv6 address, given as 32 digits. */
function reverse(digits: string): string {
  return `${[...digits].reverse().join(".")}.ip6.arpa`;
}

/** Records as "TYPE data", or the kind of the answer. */
function ask(name: string, type: RecordType = "A"): readonly string[] | string {
  const outcome = answer({ name, type }, view, {
    domain: "cluster.local",
    serverAddress: "10.96.0.10",
    ownsAddress: (address) => address.startsWith("10."),
  });
  if (outcome.kind === "alias") return [`CNAME ${outcome.target}`];
  if (outcome.kind !== "found") return outcome.kind;
  const shown = ({ type: kind, name: owner, data }: (typeof outcome.records)[number]): string =>
    `${owner === name ? "" : `${owner} `}${kind} ${typeof data === "string" ? data : `${data.priority} ${data.weight} ${data.port} ${data.target}`}`;
  return [...outcome.records.map(shown), ...outcome.additional.map((record) => `+ ${shown(record)}`)];
}

describe("answer", () => {
  it.each<[name: string, type: RecordType, expected: readonly string[] | string]>([
    ["web.shop.svc.cluster.local", "A", ["A 10.96.0.5"]],
    ["web.shop.svc.cluster.local", "AAAA", "no-data"],
    ["web.shop.svc.cluster.local", "OTHER", "no-data"],
    ["web.bare.svc.cluster.local", "A", "no-such-name"],
    ["web.nowhere.svc.cluster.local", "A", "no-such-name"],
    ["shop.svc.cluster.local", "A", "no-data"],
    ["svc.cluster.local", "A", "no-data"],
    ["cluster.local", "A", "no-data"],
    ["nothing.cluster.local", "A", "no-such-name"],
    ["db.shop.svc.cluster.local", "A", ["A 10.244.1.7", "A 10.244.1.8", "A 10.244.2.3"]],
    ["idle.shop.svc.cluster.local", "A", "no-such-name"],
    ["db-0.db.shop.svc.cluster.local", "A", ["A 10.244.1.7"]],
    ["db-0.db.shop.svc.cluster.local", "AAAA", "no-data"],
    ["db-2.db.shop.svc.cluster.local", "A", "no-such-name"],
    ["10-244-2-3.db.shop.svc.cluster.local", "A", ["A 10.244.2.3"]],
    [
      "_http._tcp.web.shop.svc.cluster.local",
      "SRV",
      ["SRV 0 100 80 web.shop.svc.cluster.local", "+ web.shop.svc.cluster.local A 10.96.0.5"],
    ],
    [
      "_dns._udp.web.shop.svc.cluster.local",
      "SRV",
      ["SRV 0 100 53 web.shop.svc.cluster.local", "+ web.shop.svc.cluster.local A 10.96.0.5"],
    ],
    ["_http._udp.web.shop.svc.cluster.local", "SRV", "no-such-name"],
    ["_http._tcp.web.shop.svc.cluster.local", "A", "no-data"],
    ["_tcp.web.shop.svc.cluster.local", "SRV", "no-data"],
    [
      "_sql._tcp.db.shop.svc.cluster.local",
      "SRV",
      [
        "SRV 0 33 5432 db-0.db.shop.svc.cluster.local",
        "SRV 0 33 5432 db-1.db.shop.svc.cluster.local",
        "SRV 0 33 5432 10-244-2-3.db.shop.svc.cluster.local",
        "+ db-0.db.shop.svc.cluster.local A 10.244.1.7",
        "+ db-1.db.shop.svc.cluster.local A 10.244.1.8",
        "+ 10-244-2-3.db.shop.svc.cluster.local A 10.244.2.3",
      ],
    ],
    ["dual.shop.svc.cluster.local", "A", ["A 10.96.0.7"]],
    ["dual.shop.svc.cluster.local", "AAAA", ["AAAA fd00:96::7"]],
    [
      "_http._tcp.dual.shop.svc.cluster.local",
      "SRV",
      [
        "SRV 0 100 80 dual.shop.svc.cluster.local",
        "+ dual.shop.svc.cluster.local A 10.96.0.7",
        "+ dual.shop.svc.cluster.local AAAA fd00:96::7",
      ],
    ],
    ["v6.shop.svc.cluster.local", "AAAA", ["AAAA fd00:244::", "AAAA fd00:244::1:7"]],
    ["v6.shop.svc.cluster.local", "A", "no-data"],
    ["six.v6.shop.svc.cluster.local", "AAAA", ["AAAA fd00:244::1:7"]],
    ["fd00-244--0.v6.shop.svc.cluster.local", "AAAA", ["AAAA fd00:244::"]],
    ["fd00--1.shop.pod.cluster.local", "AAAA", ["AAAA fd00::1"]],
    ["fd00--1.shop.pod.cluster.local", "A", "no-data"],
    [reverse("fd000096000000000000000000000007"), "PTR", ["PTR dual.shop.svc.cluster.local"]],
    [reverse("fd000244000000000000000000010007"), "PTR", ["PTR six.v6.shop.svc.cluster.local"]],
    [reverse("20010db8000000000000000000000001"), "PTR", "not-ours"],
    ["1.2.ip6.arpa", "PTR", "not-ours"],
    ["number.shop.svc.cluster.local", "A", "no-such-name"],
    ["cluster.local", "SOA", "authority"],
    ["cluster.local", "NS", ["NS ns.dns.cluster.local", "+ ns.dns.cluster.local A 10.96.0.10"]],
    ["ns.dns.cluster.local", "A", ["A 10.96.0.10"]],
    ["ext.shop.svc.cluster.local", "A", ["CNAME example.org"]],
    ["10-244-9-9.shop.pod.cluster.local", "A", ["A 10.244.9.9"]],
    ["10-244-9-999.shop.pod.cluster.local", "A", "no-such-name"],
    ["10-244-9-9.nowhere.pod.cluster.local", "A", "no-such-name"],
    ["5.0.96.10.in-addr.arpa", "PTR", ["PTR web.shop.svc.cluster.local"]],
    ["7.1.244.10.in-addr.arpa", "PTR", ["PTR db-0.db.shop.svc.cluster.local"]],
    ["77.1.244.10.in-addr.arpa", "PTR", "no-such-name"],
    ["8.8.8.8.in-addr.arpa", "PTR", "not-ours"],
    ["dns-version.cluster.local", "TXT", ["TXT 1.1.0"]],
    ["example.org", "A", "not-ours"],
    ["notcluster.local", "A", "not-ours"],
  ])("answer to %s %s is %j", (name, type, expected) => {
    expect(ask(name, type)).toEqual(expected);
  });
});
