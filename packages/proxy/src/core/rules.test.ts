// Rules are compared with goldens and executed: a packet is walked through the text that the kernel would get. All modes
// have the same tests: what a service means does not depend on the tool.
import { describe, expect, it } from "vitest";
import fc from "fast-check";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import type { Service } from "@coxswain/api/core/v1";
import type { EndpointSlice } from "@coxswain/api/discovery/v1";
import { createSeededRandom } from "@coxswain/clock/testing";
import { renderNftTable, renderRuleset } from "@coxswain/netfilter";
import { walkNftPacket, walkPacket } from "@coxswain/netfilter/testing";
import type { Packet, Verdict, World } from "@coxswain/netfilter/testing";
import { chainHash } from "../io/chain-hash.ts";
import { renderIpvs, walkIpvs } from "../../testing/ipvs.ts";
import { nftRules } from "./nft-rules.ts";
import { createNftServiceTables } from "./nft-table.ts";
import { serviceRules } from "./rules.ts";
import type { RulesConfig } from "./rules.ts";
import { portals } from "./portals.ts";
import type { RelayPorts } from "./portals.ts";
import { createServicePorts } from "./service-port.ts";
import type { NodeView } from "./service-port.ts";

const node = "192.168.1.10";
const here: NodeView = { nodeName: "here", zone: "north", addresses: [node] };
const config: RulesConfig = {
  family: "ipv4",
  nodePortRanges: [],
  clusterCidr: "10.244.0.0/16",
  masqueradeAll: false,
  masqueradeMark: 0x4000,
};

interface Mode {
  readonly render: (...of: Parameters<typeof serviceRules>) => string;
  readonly walk: typeof walkPacket;
}

const modes: readonly (readonly [name: string, mode: Mode])[] = [
  ["iptables", { render: (...of) => renderRuleset(serviceRules(...of)), walk: walkPacket }],
  ["nftables", { render: (...of) => renderNftTable(createNftServiceTables(nftRules)(...of)), walk: walkNftPacket }],
  ["ipvs", { render: (...of) => renderIpvs(...of, [node, "172.16.0.3"]), walk: walkIpvs }],
];

function service(name: string, spec: Service["spec"], status?: Service["status"]): Service {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { namespace: "shop", name },
    spec: { ports: [{ port: 80 }], ...spec },
    ...(status ? { status } : {}),
  };
}

type State = "ready" | "unready" | "draining";

function slice(
  name: string,
  endpoints: readonly (readonly [address: string, state?: State, nodeName?: string])[],
  ports: EndpointSlice["ports"] = [{ port: 8080 }],
): EndpointSlice {
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { namespace: "shop", name: `${name}-x`, labels: { "kubernetes.io/service-name": name } },
    addressType: "IPv4",
    ports,
    endpoints: endpoints.map(([address, state = "ready", nodeName = "here"]) => ({
      addresses: [address],
      nodeName,
      conditions: { ready: state === "ready", serving: state !== "unready", terminating: state === "draining" },
    })),
  };
}

const toBackend = { verdict: "accept", destination: "10.244.1.7", port: 8080, masqueraded: false } as const;
const outside = { source: "203.0.113.9", inInterface: "eth0" } as const;

describe.each(modes)("service rules by %s", (name, mode) => {
  const rules = (
    services: readonly Service[],
    endpointSlices: readonly EndpointSlice[],
    changed: Partial<RulesConfig> = {},
  ): string =>
    mode.render(
      createServicePorts()({ services, endpointSlices, node: here, family: changed.family ?? "ipv4" }),
      { ...config, ...changed },
      chainHash,
    );
  const walk = (
    text: string,
    packet: Partial<Packet>,
    world: Partial<World> = {},
  ): Pick<Verdict, "verdict" | "destination" | "port" | "masqueraded"> => {
    const whole: Packet = {
      source: "10.244.1.1",
      destination: "10.96.0.5",
      protocol: "tcp",
      port: 80,
      inInterface: "cox0",
      ...packet,
    };
    const { path: _path, ...verdict } = mode.walk(text, whole, { localAddresses: [node], ...world });
    return verdict;
  };

  it("rules are those of the golden file", () => {
    const text = rules(
      [
        service(
          "web",
          {
            clusterIP: "10.96.0.5",
            type: "LoadBalancer",
            sessionAffinity: "ClientIP",
            loadBalancerSourceRanges: ["198.51.100.0/24"],
            externalIPs: ["203.0.113.80"],
            ports: [{ name: "http", port: 80, nodePort: 30080 }],
          },
          { loadBalancer: { ingress: [{ ip: "203.0.113.81" }] } },
        ),
        service("local", {
          clusterIP: "10.96.0.6",
          type: "NodePort",
          externalTrafficPolicy: "Local",
          internalTrafficPolicy: "Local",
          ports: [{ port: 53, protocol: "UDP", nodePort: 30053 }],
        }),
        service("empty", { clusterIP: "10.96.0.7", ports: [{ port: 9, protocol: "SCTP" }] }),
        service("headless", { clusterIP: "None" }),
        service("alias", { type: "ExternalName", externalName: "example.org" }),
      ],
      [
        slice(
          "web",
          [["10.244.1.7"], ["10.244.1.8"], ["10.244.2.9", "ready", "there"], ["10.244.2.10", "unready", "there"]],
          [{ name: "http", port: 8080 }],
        ),
        slice("local", [["10.244.1.20"], ["10.244.2.20", "ready", "there"]], [{ port: 5353, protocol: "UDP" }]),
        slice("headless", [["10.244.1.7"]]),
      ],
    );
    const golden = new URL(`../../testdata/${name}.golden`, import.meta.url);
    if (!existsSync(golden)) writeFileSync(golden, text); // Delete the file to write it anew.
    expect(text).toBe(readFileSync(golden, "utf8"));
  });

  it("a pod's packet to a cluster address reaches the pod's port with the client's address", () => {
    const text = rules([service("web", { clusterIP: "10.96.0.5" })], [slice("web", [["10.244.1.7"]])]);
    expect(walk(text, {})).toEqual(toBackend);
  });

  it("the node's and strangers' packets to a cluster address are masqueraded", () => {
    const text = rules([service("web", { clusterIP: "10.96.0.5" })], [slice("web", [["10.244.1.7"]])]);
    expect(
      mode.walk(
        text,
        { source: node, destination: "10.96.0.5", protocol: "tcp", port: 80 },
        { localAddresses: [node] },
      ),
    ).toMatchObject({ ...toBackend, masqueraded: true });
    expect(walk(text, outside)).toEqual({ ...toBackend, masqueraded: true });
  });

  it("a pod that calls its own service is masqueraded, so that the answer comes back through the node", () => {
    const text = rules([service("web", { clusterIP: "10.96.0.5" })], [slice("web", [["10.244.1.7"]])]);
    expect(walk(text, { source: "10.244.1.7" })).toEqual({ ...toBackend, masqueraded: true });
  });

  it("other ports, protocols and addresses are left alone, or refused where the address is the machine's own", () => {
    const text = rules([service("web", { clusterIP: "10.96.0.5" })], [slice("web", [["10.244.1.7"]])]);
    for (const packet of [{ port: 81 }, { protocol: "udp" }, { destination: "10.96.0.6" }] as const) {
      expect(walk(text, packet)).toEqual({
        verdict: name === "ipvs" && packet.destination === undefined ? "reject" : "accept",
        destination: packet.destination ?? "10.96.0.5",
        port: packet.port ?? 80,
        masqueraded: false,
      });
    }
  });

  it.each([
    ["no endpoint at all", []],
    ["only unready endpoints", [["10.244.1.7", "unready"]]],
    [
      "only endpoints that would turn the node against itself",
      [["127.0.0.1"], ["169.254.169.254"], ["0.0.0.0"], ["224.0.0.1"]],
    ],
  ] as const)("a service with %s refuses at once", (_what, endpoints) => {
    const text = rules(
      [
        service("web", {
          clusterIP: "10.96.0.5",
          externalIPs: ["203.0.113.80"],
          ports: [{ port: 80, nodePort: 30080 }],
        }),
      ],
      [slice("web", endpoints)],
    );
    expect(walk(text, {}).verdict).toBe("reject");
    expect(walk(text, { ...outside, destination: "203.0.113.80" }).verdict).toBe("reject");
    expect(walk(text, { ...outside, destination: node, port: 30080 }).verdict).toBe("reject");
  });

  it("terminating endpoints serve only as long as no ready one is there", () => {
    const web = service("web", { clusterIP: "10.96.0.5" });
    expect(walk(rules([web], [slice("web", [["10.244.1.6", "draining"], ["10.244.1.7"]])]), {})).toEqual(toBackend);
    expect(
      walk(
        rules(
          [web],
          [
            slice("web", [
              ["10.244.1.7", "draining"],
              ["10.244.1.9", "unready"],
            ]),
          ],
        ),
        {},
      ),
    ).toEqual(toBackend);
  });

  it("node ports, external addresses and load balancers lead to the backends, masqueraded", () => {
    const text = rules(
      [
        service(
          "web",
          {
            clusterIP: "10.96.0.5",
            type: "LoadBalancer",
            externalIPs: ["203.0.113.80"],
            ports: [{ port: 80, nodePort: 30080 }],
          },
          { loadBalancer: { ingress: [{ ip: "203.0.113.81" }] } },
        ),
      ],
      [slice("web", [["10.244.1.7"]])],
    );
    for (const target of [
      { destination: node, port: 30080 },
      { destination: "203.0.113.80" },
      { destination: "203.0.113.81" },
    ]) {
      expect(walk(text, { ...outside, ...target })).toEqual({ ...toBackend, masqueraded: true });
    }
    expect(walk(text, { ...outside, destination: "203.0.113.99", port: 30080 }).destination).toBe("203.0.113.99");
  });

  it("external policy Local keeps the client's address, uses local backends only, and drops where there are none", () => {
    const web = service("web", {
      clusterIP: "10.96.0.5",
      type: "NodePort",
      externalTrafficPolicy: "Local",
      ports: [{ port: 80, nodePort: 30080 }],
    });
    const packet = { ...outside, destination: node, port: 30080 };
    const both = rules([web], [slice("web", [["10.244.1.7"], ["10.244.2.9", "ready", "there"]])]);
    expect(walk(both, packet, { random: () => 0.99 })).toEqual(toBackend);
    const elsewhere = rules([web], [slice("web", [["10.244.2.9", "ready", "there"]])]);
    expect(walk(elsewhere, packet).verdict).toBe("drop");
    // Pods and the node itself are not outside: they reach any backend.
    expect(walk(elsewhere, { destination: node, port: 30080 })).toEqual({ ...toBackend, destination: "10.244.2.9" });
  });

  it("internal policy Local uses local backends only, and drops where there are none", () => {
    const web = service("web", { clusterIP: "10.96.0.5", internalTrafficPolicy: "Local" });
    expect(
      walk(
        rules([web], [slice("web", [["10.244.1.7"], ["10.244.2.9", "ready", "there"]])]),
        {},
        { random: () => 0.99 },
      ),
    ).toEqual(toBackend);
    expect(walk(rules([web], [slice("web", [["10.244.2.9", "ready", "there"]])]), {}).verdict).toBe("drop");
  });

  it("a load balancer's source ranges let only those sources in", () => {
    const text = rules(
      [
        service(
          "web",
          { clusterIP: "10.96.0.5", type: "LoadBalancer", loadBalancerSourceRanges: ["198.51.100.0/24"] },
          { loadBalancer: { ingress: [{ ip: "203.0.113.81" }] } },
        ),
      ],
      [slice("web", [["10.244.1.7"]])],
    );
    expect(walk(text, { source: "198.51.100.7", inInterface: "eth0", destination: "203.0.113.81" })).toEqual({
      ...toBackend,
      masqueraded: true,
    });
    expect(walk(text, { ...outside, destination: "203.0.113.81" }).verdict).toBe("drop");
  });

  it("a node within the source ranges may use the load balancer's address as its own", () => {
    const text = rules(
      [
        service(
          "web",
          { clusterIP: "10.96.0.5", type: "LoadBalancer", loadBalancerSourceRanges: ["192.168.1.77/24"] },
          { loadBalancer: { ingress: [{ ip: "203.0.113.81" }] } },
        ),
      ],
      [slice("web", [["10.244.1.7"]])],
    );
    const packet = { destination: "203.0.113.81", inInterface: "eth0" };
    expect(walk(text, { ...packet, source: "203.0.113.81" }).verdict).toBe("accept");
    expect(walk(text, { ...packet, source: "203.0.113.82" }).verdict).toBe("drop");
  });

  it("a load balancer that passes packets on with another destination keeps its address for itself", () => {
    const text = rules(
      [
        service(
          "web",
          { clusterIP: "10.96.0.5", type: "LoadBalancer" },
          { loadBalancer: { ingress: [{ ip: "203.0.113.81", ipMode: "Proxy" }] } },
        ),
      ],
      [slice("web", [["10.244.1.7"]])],
    );
    expect(walk(text, { ...outside, destination: "203.0.113.81" }).destination).toBe("203.0.113.81");
  });

  it("node ports are served only on addresses within the given ranges", () => {
    const web = service("web", { clusterIP: "10.96.0.5", type: "NodePort", ports: [{ port: 80, nodePort: 30080 }] });
    const text = rules([web], [slice("web", [["10.244.1.7"]])], { nodePortRanges: ["172.16.0.0/12", "10.1.0.0/16"] });
    const world = { localAddresses: [node, "172.16.0.3"] };
    const packet = { ...outside, port: 30080 };
    expect(walk(text, { ...packet, destination: "172.16.0.3" }, world).destination).toBe("10.244.1.7");
    expect(walk(text, { ...packet, destination: node }, world).destination).toBe(node);
  });

  it.each([
    ["the node's own zone", { forZones: [{ name: "north" }] }, { forZones: [{ name: "south" }] }, "10.244.1.7"],
    ["the node itself", { forNodes: [{ name: "here" }] }, { forNodes: [{ name: "there" }] }, "10.244.1.7"],
    ["another zone only", { forZones: [{ name: "east" }] }, { forZones: [{ name: "south" }] }, "10.244.2.9"],
    ["one endpoint and not the other", { forZones: [{ name: "north" }] }, undefined, "10.244.2.9"],
  ])("hints for %s decide where packets go", (_what, first, second, last) => {
    const hinted = slice("web", [["10.244.1.7"], ["10.244.2.9", "ready", "there"]]);
    hinted.endpoints = hinted.endpoints?.map((endpoint, index) => {
      const hints = index === 0 ? first : second;
      return hints ? { ...endpoint, hints } : endpoint;
    });
    const text = rules([service("web", { clusterIP: "10.96.0.5" })], [hinted]);
    expect(walk(text, {}, { random: () => 0.99 }).destination).toBe(last);
  });

  it("an endpoint that terminates and still serves is used on its own node under policy Local", () => {
    const web = service("web", { clusterIP: "10.96.0.5", internalTrafficPolicy: "Local" });
    const draining = slice("web", [
      ["10.244.1.7", "draining"],
      ["10.244.2.9", "ready", "there"],
    ]);
    expect(walk(rules([web], [draining]), {})).toEqual(toBackend);
  });

  it("SCTP and UDP are led like TCP", () => {
    for (const [protocol, name] of [
      ["sctp", "SCTP"],
      ["udp", "UDP"],
    ] as const) {
      const port = { port: 80, protocol: name };
      const text = rules(
        [service("web", { clusterIP: "10.96.0.5", ports: [port] })],
        [slice("web", [["10.244.1.7"]], [{ port: 8080, protocol: name }])],
      );
      expect(walk(text, { protocol })).toEqual(toBackend);
      expect(walk(text, {}).destination).toBe("10.96.0.5");
    }
  });

  it("a service of both families is served in each by the endpoints of that family", () => {
    const web = service("web", { clusterIP: "10.96.0.5", clusterIPs: ["10.96.0.5", "fd96:0::5"] });
    const six: EndpointSlice = { ...slice("web", []), addressType: "IPv6" };
    six.endpoints = ["fd00:0::7", "fe80::1", "::1"].map((address) => ({
      addresses: [address],
      conditions: { ready: true },
    }));
    const text = rules([web], [slice("web", [["10.244.1.7"]]), six], { family: "ipv6", clusterCidr: "fd00::/16" });
    expect(walk(text, { source: "fd00::1", destination: "fd96::5" })).toEqual({ ...toBackend, destination: "fd00::7" });
    expect(walk(text, { source: "fd44::1", destination: "fd96::5" }).masqueraded).toBe(true);
    expect(walk(text, { source: "fd00::7", destination: "fd96::5" }).masqueraded).toBe(true);
  });

  it("session affinity leads a client to the same backend until its time is over", () => {
    const web = service("web", {
      clusterIP: "10.96.0.5",
      sessionAffinity: "ClientIP",
      sessionAffinityConfig: { clientIP: { timeoutSeconds: 60 } },
    });
    const text = rules([web], [slice("web", [["10.244.1.7"], ["10.244.1.8"]])]);
    const recent = new Map<string, Map<string, number>>();
    const call = (nowSeconds: number, chance: number): string =>
      walk(text, {}, { recent, nowSeconds, random: () => chance }).destination;
    expect([call(0, 0.9), call(30, 0.1), call(80, 0.1), call(200, 0.1)]).toEqual([
      "10.244.1.8",
      "10.244.1.8",
      "10.244.1.8",
      "10.244.1.7",
    ]);
  });

  it("a service that another proxy serves, and headless ones, have no rules", () => {
    const foreign = service("web", { clusterIP: "10.96.0.5" });
    foreign.metadata.labels = { "service.kubernetes.io/service-proxy-name": "other" };
    expect(rules([foreign, service("none", { clusterIP: "None" })], [slice("web", [["10.244.1.7"]])])).toBe(
      rules([], []),
    );
  });

  it("backends are chosen evenly: chi-square over five backends stays below the 0.1 % bound", () => {
    const backends = [1, 2, 3, 4, 5].map((last) => `10.244.1.${last}`);
    const text = rules(
      [service("web", { clusterIP: "10.96.0.5" })],
      [
        slice(
          "web",
          backends.map((address) => [address] as const),
        ),
      ],
    );
    const random = createSeededRandom(7);
    const draws = 5_000;
    const counts = new Map<string, number>();
    for (let i = 0; i < draws; i++) {
      const { destination } = walk(text, {}, { random: () => random.next() });
      counts.set(destination, (counts.get(destination) ?? 0) + 1);
    }
    const expected = draws / backends.length;
    const chiSquare = backends.reduce(
      (sum, backend) => sum + ((counts.get(backend) ?? 0) - expected) ** 2 / expected,
      0,
    );
    expect(chiSquare).toBeLessThan(18.47);
  });

  it("every packet to a served address ends at a usable endpoint, and rules do not depend on the order of what is known", () => {
    const endpoint = fc.tuple(
      fc.integer({ min: 1, max: 9 }).map((n) => `10.244.1.${n}`),
      fc.constantFrom<State>("ready", "unready", "draining"),
      fc.constantFrom("here", "there"),
    );
    fc.assert(
      fc.property(
        fc.uniqueArray(endpoint, { maxLength: 6, selector: ([address]) => address }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (endpoints, chance) => {
          const web = service("web", { clusterIP: "10.96.0.5" });
          const text = rules([web], [slice("web", endpoints)]);
          const ready = endpoints.filter(([, state]) => state === "ready");
          const usable = (ready.length > 0 ? ready : endpoints.filter(([, state]) => state === "draining")).map(
            ([address]) => address,
          );
          const { verdict, destination } = walk(text, {}, { random: () => chance });
          expect(usable.length === 0 ? verdict === "reject" : usable.includes(destination)).toBe(true);
          expect(rules([web], [slice("web", endpoints.toReversed())])).toBe(text);
        },
      ),
      { numRuns: 50 },
    );
  });
});

describe("service rules by userspace", () => {
  it("packets are led to the relay on this node, and refused where there is none", () => {
    const view = (endpoints: Parameters<typeof slice>[1]) => ({
      services: [service("web", { clusterIP: "10.96.0.5", type: "NodePort", ports: [{ port: 80, nodePort: 30080 }] })],
      endpointSlices: [slice("web", endpoints)],
      node: here,
      family: "ipv4" as const,
    });
    const text = (endpoints: Parameters<typeof slice>[1], relays: RelayPorts) =>
      renderRuleset(serviceRules(portals(createServicePorts()(view(endpoints)), relays), config, chainHash));
    const packet = {
      source: "10.244.1.1",
      destination: "10.96.0.5",
      protocol: "tcp",
      port: 80,
      inInterface: "cox0",
    } as const;
    const world = { localAddresses: [node] };
    const served = text([["10.244.1.7"]], new Map([["shop/web tcp cluster", 40001]]));
    expect(walkPacket(served, packet, world)).toMatchObject({ verdict: "accept", destination: node, port: 40001 });
    expect(walkPacket(served, { ...packet, destination: node, port: 30080 }, world)).toMatchObject({ port: 40001 });
    expect(walkPacket(text([], new Map()), packet, world).verdict).toBe("reject");
  });
});
