// Small cores: environment, downward values, files of volumes, addresses, resolver files, probes, resources.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Container, Node, Pod, Service } from "@coxswain/api/core/v1";
import { amountOf } from "./container/amount.ts";
import { containerEnv } from "./container/env.ts";
import type { Sources } from "./container/env.ts";
import { expand } from "./container/expand.ts";
import type { SelfView } from "./container/field-ref.ts";
import { containerResources, qosOf } from "./container/resources.ts";
import { hostsFile, resolvConf } from "./network/files.ts";
import { contains, formatIPv4, freeAddress, gatewayOf, parseCidr, parseIPv4 } from "./network/ipam.ts";
import { routeChanges, routesTo } from "./network/routes.ts";
import { initialProbeState, stepProbe } from "./probe/probe.ts";
import { isInside, tokenKey, volumePayload } from "./volume/payload.ts";
import type { PayloadSources } from "./volume/payload.ts";
import { subPathParts } from "./volume/subpath.ts";

const pod: Pod = {
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "web", namespace: "shop", uid: "u", labels: { app: "web" } },
  spec: { containers: [], nodeName: "n1" },
};
const self: SelfView = {
  pod,
  podIP: "10.244.1.2",
  hostIP: "10.0.0.1",
  allocatable: { cpu: 2, memoryBytes: 4 * 2 ** 30, ephemeralBytes: 10 * 2 ** 30 },
};
const noSources: Sources = { configMaps: new Map(), secrets: new Map(), services: [], files: new Map() };

test.each([
  ["$(A)-$(B)", "1-$(B)"],
  ["$$(A) $$", "$(A) $"],
  ["$A ${A} $(", "$A ${A} $("],
])("expand turns %s into %s", (text, expected) => {
  expect(expand(text, new Map([["A", "1"]]))).toBe(expected);
});

describe("containerEnv", () => {
  const env = (container: Container, sources = noSources) => {
    const result = containerEnv(self, container, sources);
    return "error" in result ? result.error : Object.fromEntries(result.variables);
  };
  test("resolves fields, resources and references to earlier variables", () => {
    const container: Container = {
      name: "main",
      resources: { limits: { cpu: "500m", memory: "64Mi" } },
      env: [
        { name: "POD", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
        { name: "APP", valueFrom: { fieldRef: { fieldPath: "metadata.labels['app']" } } },
        { name: "CPU", valueFrom: { resourceFieldRef: { resource: "limits.cpu" } } },
        { name: "MEMORY", valueFrom: { resourceFieldRef: { resource: "limits.memory", divisor: "1Mi" } } },
        { name: "URL", value: "http://$(POD):$(PORT)" },
      ],
    };
    expect(env(container)).toEqual({ POD: "web", APP: "web", CPU: "1", MEMORY: "64", URL: "http://web:$(PORT)" });
  });
  test("has what the node could give where a container has no limit, and nothing where it asks for nothing", () => {
    const values = ["limits.cpu", "limits.memory", "limits.ephemeral-storage", "requests.ephemeral-storage"].map(
      (resource, index) => ({ name: `V${index}`, valueFrom: { resourceFieldRef: { resource, divisor: "1" } } }),
    );
    expect(env({ name: "main", env: values })).toEqual({
      ...{ V0: "2", V1: `${4 * 2 ** 30}`, V2: `${10 * 2 ** 30}`, V3: "0" },
    });
  });
  test("takes whole ConfigMaps and Secrets, and says what is missing", () => {
    const sources: Sources = {
      ...noSources,
      configMaps: new Map([
        ["cm", { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "cm" }, data: { a: "1" } }],
      ]),
      secrets: new Map([["s", { apiVersion: "v1", kind: "Secret", metadata: { name: "s" }, data: { p: "c2VjcmV0" } }]]),
    };
    expect(
      env(
        { name: "main", envFrom: [{ prefix: "X_", configMapRef: { name: "cm" } }, { secretRef: { name: "s" } }] },
        sources,
      ),
    ).toEqual({ X_a: "1", p: "secret" });
    expect(env({ name: "main", envFrom: [{ configMapRef: { name: "gone" } }] })).toBe('configmap "gone" not found');
    expect(
      env({ name: "main", env: [{ name: "A", valueFrom: { configMapKeyRef: { name: "cm", key: "z" } } }] }, sources),
    ).toBe("couldn't find key z in ConfigMap shop/cm");
    expect(
      env({
        name: "main",
        env: [{ name: "A", valueFrom: { secretKeyRef: { name: "gone", key: "z", optional: true } } }],
      }),
    ).toEqual({});
  });
  test("has the variables of the namespace's services", () => {
    const service: Service = {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "my-db", namespace: "shop" },
      spec: { clusterIP: "10.96.0.7", ports: [{ name: "sql", port: 5432 }] },
    };
    expect(
      env(
        { name: "main" },
        { ...noSources, services: [service, { ...service, metadata: { name: "x", namespace: "other" } }] },
      ),
    ).toEqual({
      MY_DB_SERVICE_HOST: "10.96.0.7",
      MY_DB_SERVICE_PORT: "5432",
      MY_DB_SERVICE_PORT_SQL: "5432",
      MY_DB_PORT: "tcp://10.96.0.7:5432",
      MY_DB_PORT_5432_TCP: "tcp://10.96.0.7:5432",
      MY_DB_PORT_5432_TCP_PROTO: "tcp",
      MY_DB_PORT_5432_TCP_PORT: "5432",
      MY_DB_PORT_5432_TCP_ADDR: "10.96.0.7",
    });
  });
});

describe("volumePayload", () => {
  const sources: PayloadSources = {
    configMaps: new Map([
      ["cm", { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "cm" }, data: { a: "1", "../evil": "x" } }],
    ]),
    secrets: new Map(),
    tokens: new Map([
      [tokenKey({ audience: "", expirationSeconds: 3600 }), "jwt"],
      [tokenKey({ audience: "", expirationSeconds: 600 }), "short jwt"],
    ]),
  };
  test("projects several sources into one set of files", () => {
    const volume = {
      name: "all",
      projected: {
        defaultMode: 0o400,
        sources: [
          { configMap: { name: "cm", items: [{ key: "a", path: "dir/a" }] } },
          { serviceAccountToken: { path: "token" } },
          { serviceAccountToken: { path: "short", expirationSeconds: 600 } },
          { downwardAPI: { items: [{ path: "labels", fieldRef: { fieldPath: "metadata.labels" } }] } },
        ],
      },
    };
    const result = volumePayload(volume, self, sources);
    const files =
      "payload" in result
        ? [...result.payload].map(([path, file]) => [path, new TextDecoder().decode(file.bytes), file.mode])
        : result;
    expect(files).toEqual([
      ["dir/a", "1", 0o400],
      ["token", "jwt", 0o400],
      ["short", "short jwt", 0o400],
      ["labels", 'app="web"', 0o400],
    ]);
  });
  test("refuses names that would leave the volume", () => {
    expect(volumePayload({ name: "v", configMap: { name: "cm" } }, self, sources)).toEqual({
      error: `invalid path: must not contain '..' or be absolute: "../evil"`,
    });
  });
  test("says which object or key is missing", () => {
    expect(volumePayload({ name: "v", secret: { secretName: "s" } }, self, sources)).toEqual({
      error: 'secret "s" not found',
    });
    expect(
      volumePayload({ name: "v", configMap: { name: "cm", items: [{ key: "z", path: "z" }] } }, self, sources),
    ).toEqual({ error: "references non-existent configmap key: z" });
    expect(volumePayload({ name: "v", secret: { secretName: "s", optional: true } }, self, sources)).toEqual({
      payload: new Map(),
    });
  });
});

test("isInside admits no path whose normal form leaves the volume", () => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom("..", ".", "", "a", "..data", "b.c"), { minLength: 1, maxLength: 5 }),
      (parts) => {
        const path = parts.join("/");
        if (!isInside(path)) return;
        let depth = 0;
        for (const part of parts) {
          depth += part === ".." ? -1 : part === "." || part === "" ? 0 : 1;
          expect(depth).toBeGreaterThanOrEqual(0);
        }
      },
    ),
  );
});

test("subPathParts expands variables and refuses to climb", () => {
  expect(subPathParts({ name: "v", mountPath: "/m", subPathExpr: "$(POD)/logs" }, new Map([["POD", "web"]]))).toEqual({
    parts: ["web", "logs"],
  });
  expect(subPathParts({ name: "v", mountPath: "/m", subPath: "a/../../b" }, new Map())).toHaveProperty("error");
  expect(subPathParts({ name: "v", mountPath: "/m", subPath: "/etc" }, new Map())).toHaveProperty("error");
});

describe("addresses", () => {
  test("are given in turn, so that one is reused as late as possible", () => {
    const cidr = parseCidr("10.244.3.0/29");
    if (!cidr) throw new Error("not a network");
    expect(gatewayOf(cidr)).toBe("10.244.3.1");
    const taken = new Set<string>();
    const given: (string | undefined)[] = [];
    for (let turn = 0; turn < 6; turn++) {
      const address = freeAddress(cidr, taken, given.at(-1));
      given.push(address);
      if (address) taken.add(address);
    }
    expect(given).toEqual(["10.244.3.2", "10.244.3.3", "10.244.3.4", "10.244.3.5", "10.244.3.6", undefined]);
    expect(freeAddress(cidr, new Set(["10.244.3.3"]), "10.244.3.6")).toBe("10.244.3.2");
  });
  test("never leave their network, nor meet one that is taken", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 2 ** 32 - 1 }),
        fc.integer({ min: 20, max: 30 }),
        fc.array(fc.nat(20)),
        (base, prefix, offsets) => {
          const cidr = parseCidr(`${formatIPv4(base)}/${prefix}`);
          if (!cidr) return false;
          const taken = new Set(offsets.map((offset) => formatIPv4(cidr.base + offset)));
          const address = freeAddress(cidr, taken);
          return (
            address === undefined || (contains(cidr, address) && !taken.has(address) && address !== gatewayOf(cidr))
          );
        },
      ),
    );
  });
  test.each(["010.0.0.1", "1.2.3", "1.2.3.256", "1.2.3.4 "])("that are none (%s) are refused", (text) => {
    expect(parseIPv4(text)).toBeUndefined();
  });
});

test("routes lead to the other nodes' pods and change by what differs", () => {
  const nodes: Node[] = [
    {
      apiVersion: "v1",
      kind: "Node",
      metadata: { name: "n1" },
      spec: { podCIDR: "10.244.0.0/24" },
      status: { addresses: [{ type: "InternalIP" as const, address: "10.0.0.1" }] },
    },
    {
      apiVersion: "v1",
      kind: "Node",
      metadata: { name: "n2" },
      spec: { podCIDR: "10.244.1.0/24" },
      status: { addresses: [{ type: "InternalIP" as const, address: "10.0.0.2" }] },
    },
    { apiVersion: "v1", kind: "Node", metadata: { name: "n3" }, spec: {} },
  ];
  const wanted = routesTo(nodes, "n1");
  expect(wanted).toEqual([{ to: "10.244.1.0/24", via: "10.0.0.2" }]);
  expect(routeChanges(wanted, [{ to: "10.244.9.0/24", via: "10.0.0.9" }], ["10.0.0.1"])).toEqual({
    add: wanted,
    remove: [{ to: "10.244.9.0/24", via: "10.0.0.9" }],
  });
  expect(routeChanges(wanted, [], ["10.0.0.2"])).toEqual({ add: [], remove: [] });
});

describe("resolvConf", () => {
  const settings = {
    clusterDns: ["10.96.0.10"],
    clusterDomain: "cluster.local",
    hostResolvConf: "search corp.example\nnameserver 192.0.2.1\noptions timeout:2\n",
  };
  const dns = { policy: "ClusterFirst", hostNetwork: false, namespace: "shop", config: undefined };
  test.each([
    [
      "ClusterFirst",
      dns,
      "search shop.svc.cluster.local svc.cluster.local cluster.local corp.example\nnameserver 10.96.0.10\noptions ndots:5\n",
    ],
    ["Default", { ...dns, policy: "Default" }, "search corp.example\nnameserver 192.0.2.1\noptions timeout:2\n"],
    [
      "ClusterFirst on the host's network",
      { ...dns, hostNetwork: true },
      "search corp.example\nnameserver 192.0.2.1\noptions timeout:2\n",
    ],
    [
      "None with a config",
      { ...dns, policy: "None", config: { nameservers: ["9.9.9.9"], options: [{ name: "ndots", value: "2" }] } },
      "nameserver 9.9.9.9\noptions ndots:2\n",
    ],
    [
      "ClusterFirst with an option replaced",
      { ...dns, config: { options: [{ name: "ndots", value: "1" }] } },
      "search shop.svc.cluster.local svc.cluster.local cluster.local corp.example\nnameserver 10.96.0.10\noptions ndots:1\n",
    ],
  ])("by %s", (_name, given, expected) => {
    expect(resolvConf(given, settings)).toBe(expected);
  });
});

test("hostsFile has the pod's names and its aliases", () => {
  const lines = hostsFile({
    hostFile: undefined,
    ip: "10.244.1.2",
    hostname: "web-0",
    fqdn: "web-0.web.shop.svc.cluster.local",
    aliases: [{ ip: "1.2.3.4", hostnames: ["a", "b"] }],
  }).split("\n");
  expect(lines.slice(-5)).toEqual([
    "10.244.1.2\tweb-0.web.shop.svc.cluster.local\tweb-0",
    "",
    "# Entries added by HostAliases.",
    "1.2.3.4\ta\tb",
    "",
  ]);
});

test("stepProbe changes its mind only at the thresholds", () => {
  const probe = { failureThreshold: 3, successThreshold: 2 };
  const outcomes = [false, true, true, false, false, true, false, false, false, true];
  let state = initialProbeState("readiness");
  const verdicts = outcomes.map((ok) => (state = stepProbe(state, probe, { ok, message: "" })).verdict.result);
  expect(verdicts).toEqual([
    "failure",
    "failure",
    "success",
    "success",
    "success",
    "success",
    "success",
    "success",
    "failure",
    "failure",
  ]);
});

describe("resources", () => {
  const podWith = (resources: Container["resources"]): Pod => ({
    ...pod,
    spec: { containers: [{ name: "main", resources }] },
  });
  test.each([
    [undefined, "BestEffort"],
    [{ requests: { cpu: "1" } }, "Burstable"],
    [{ limits: { cpu: "1", memory: "1Gi" } }, "Guaranteed"],
    [{ requests: { cpu: "500m", memory: "1Gi" }, limits: { cpu: "1", memory: "1Gi" } }, "Burstable"],
  ])("%j makes a pod %s", (resources, qos) => {
    expect(qosOf(podWith(resources))).toBe(qos);
  });
  test("become the cgroup's numbers", () => {
    const container: Container = {
      name: "main",
      resources: { requests: { cpu: "250m", memory: "1Gi" }, limits: { cpu: "500m", memory: "2Gi" } },
    };
    expect(containerResources({ ...pod, spec: { containers: [container] } }, container, 4 * 2 ** 30)).toEqual({
      cpuShares: 256,
      cpuPeriodUs: 100_000,
      cpuQuotaUs: 50_000,
      memoryBytes: 2 ** 31,
      oomScoreAdj: 750,
    });
  });
  test("protect a Guaranteed pod from being killed for memory where the machine lets us", () => {
    const guaranteed: Container = { name: "main", resources: { limits: { cpu: "1", memory: "1Gi" } } };
    const of = (mayProtect: boolean, priority = 0): number | undefined =>
      containerResources({ ...pod, spec: { priority, containers: [guaranteed] } }, guaranteed, 2 ** 32, mayProtect)
        .oomScoreAdj;
    const small: Container = { name: "main" };
    const critical = { ...pod, spec: { priority: 2_000_001_000, containers: [small] } };
    expect([of(false), of(true), containerResources(critical, small, 2 ** 32, true).oomScoreAdj]).toEqual([
      ...[0, -997, -997],
    ]);
  });
  test.each([
    ["100m", 0.1],
    ["1.5Gi", 1.5 * 2 ** 30],
    ["2e3", 2000],
    ["5E", 5e18],
    ["x", undefined],
  ])("amountOf(%s) is %s", (text, expected) => {
    expect(amountOf(text)).toBe(expected);
  });
});
