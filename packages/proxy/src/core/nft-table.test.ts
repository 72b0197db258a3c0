// A table from what has changed must be the table made anew, whatever has happened before; and what was handed out stays as it was.
import fc from "fast-check";
import { expect, it } from "vitest";
import { renderNftTable } from "@coxswain/netfilter";
import { chainHash } from "../io/chain-hash.ts";
import { ipvsRules } from "./ipvs-rules.ts";
import type { IpvsConfig } from "./ipvs-rules.ts";
import { nftRules } from "./nft-rules.ts";
import type { NftRules } from "./nft-rules.ts";
import { createNftServiceTables } from "./nft-table.ts";
import { createServicePorts } from "./service-port.ts";
import type { Service } from "./service-port.ts";

const config: IpvsConfig = {
  ...{ family: "ipv4", nodePortRanges: [], clusterCidr: "10.244.0.0/16", masqueradeAll: false, masqueradeMark: 0x4000 },
  ...{ scheduler: "rr", hostAddresses: ["192.168.1.10", "203.0.113.2"] },
};
const kinds: readonly (readonly [string, NftRules<IpvsConfig>, readonly string[]])[] = [
  ["nftables", nftRules, ["firewalls", "masqueraded", "node-ports", "refused", "refused-node-ports", "services"]],
  [
    "ipvs",
    ipvsRules,
    [
      ...["addresses", "external", "firewalls", "masqueraded", "node-ports"],
      ...["refused", "refused-node-ports", "services"],
    ],
  ],
];
const here = { nodeName: "here", zone: "north", addresses: ["192.168.1.10"] };

// Few addresses, so that services sometimes contend for them.
const address = fc.integer({ min: 1, max: 9 }).map((n) => `10.96.0.${n}`);
const external = fc.constantFrom("203.0.113.1", "203.0.113.2");
const policy = fc.constantFrom("Cluster" as const, "Local" as const);
const spec = fc.record(
  {
    clusterIP: address,
    type: fc.constantFrom("ClusterIP" as const, "NodePort" as const, "LoadBalancer" as const),
    nodePort: fc.constantFrom(30_080, 30_081),
    externalIPs: fc.uniqueArray(external, { maxLength: 2 }),
    sessionAffinity: fc.constantFrom("None" as const, "ClientIP" as const),
    internalTrafficPolicy: policy,
    externalTrafficPolicy: policy,
    ingress: external,
    ranges: fc.constantFrom([], ["198.51.100.0/24"], ["198.51.100.0/24", "192.168.1.0/24"]),
  },
  { requiredKeys: ["clusterIP"] },
);
const endpoints = fc.uniqueArray(fc.tuple(fc.integer({ min: 1, max: 5 }), fc.boolean()), {
  maxLength: 4,
  selector: ([last]) => last,
});
type Spec = typeof spec extends fc.Arbitrary<infer T> ? T : never;
type Endpoints = typeof endpoints extends fc.Arbitrary<infer T> ? T : never;
const step = fc.record({ at: fc.integer({ min: 0, max: 4 }), spec: fc.option(spec), endpoints: fc.option(endpoints) });

function serviceOf(at: number, { nodePort, ingress, ranges, ...given }: Spec): Service {
  return {
    ...{ apiVersion: "v1", kind: "Service", metadata: { namespace: "shop", name: `web-${at}` } },
    spec: {
      ...given,
      ...(ranges ? { loadBalancerSourceRanges: ranges } : {}),
      ports: [{ port: 80, ...(nodePort && given.type !== "ClusterIP" ? { nodePort } : {}) }],
    },
    ...(ingress ? { status: { loadBalancer: { ingress: [{ ip: ingress }] } } } : {}),
  };
}

function sliceOf(at: number, given: Endpoints) {
  const labels = { "kubernetes.io/service-name": `web-${at}` };
  return {
    ...({ apiVersion: "discovery.k8s.io/v1", kind: "EndpointSlice", addressType: "IPv4" } as const),
    metadata: { namespace: "shop", name: `web-${at}-x`, labels },
    ports: [{ port: 8080 }],
    endpoints: given.map(([last, isHere]) => ({
      addresses: [`10.244.1.${last}`],
      nodeName: isHere ? "here" : "there",
      conditions: { ready: true },
    })),
  };
}

it.each(kinds)("a table of %s from what has changed is the table made anew", (_kind, rules) => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 12 }), (steps) => {
      const tableOf = createNftServiceTables(rules);
      const portsOf = createServicePorts();
      const services = new Map<number, Service>();
      const slices = new Map<number, ReturnType<typeof sliceOf>>();
      let before: { readonly table: ReturnType<typeof tableOf>; readonly text: string } | undefined;
      for (const { at, spec: wanted, endpoints: given } of steps) {
        if (wanted) services.set(at, serviceOf(at, wanted));
        else if (!given) services.delete(at);
        if (given) slices.set(at, sliceOf(at, given));
        const ports = portsOf({
          ...{ services: [...services.values()], endpointSlices: [...slices.values()], node: here, family: "ipv4" },
        });
        const table = tableOf(ports, config, chainHash);
        const text = renderNftTable(table);
        expect(text).toBe(renderNftTable(createNftServiceTables(rules)(ports, config, chainHash)));
        if (before) expect(renderNftTable(before.table)).toBe(before.text);
        before = { table, text };
      }
    }),
    { numRuns: 200 },
  );
});

it.each(kinds)("what nothing has touched in a table of %s is the same as before", (_kind, rules, untouched) => {
  const tableOf = createNftServiceTables(rules);
  const portsOf = createServicePorts();
  const spec = { clusterIP: "10.96.0.1" };
  const services = [serviceOf(1, spec), serviceOf(2, { clusterIP: "10.96.0.2" })];
  const tableWith = (given: Endpoints) => {
    const endpointSlices = [sliceOf(1, given), sliceOf(2, [[5, true]])];
    return tableOf(portsOf({ services, endpointSlices, node: here, family: "ipv4" }), config, chainHash);
  };
  const [one, two] = [tableWith([[1, true]]), tableWith([[2, true]])];
  const kept = two.sets.filter((set) => one.sets.includes(set)).map(({ name }) => name);
  expect(kept).toEqual(untouched);
});
