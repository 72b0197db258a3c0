// What ten thousand services cost the proxy, in each of the kernel's modes: the product's own view, rules and writing, in a
// network namespace of its own (root, `ip`, `iptables`, `nft`, `ipvsadm`). `npm run bench -- proxy [MODE] [SERVICES]`.
import { spawnSync } from "node:child_process";
import { createNftTool, createTool } from "@coxswain/netfilter";
import {
  createIptables,
  createIpvsDataplane,
  createNftDataplane,
  createServicePorts,
  ipvsTools,
} from "@coxswain/proxy";
import type { Dataplane } from "@coxswain/proxy";
import { summarize } from "./bench.ts";
import type { Figure, StandaloneBenchmark } from "./bench.ts";

const namespace = "cox-bench-proxy";
const prefix = ["ip", "netns", "exec", namespace];
const updates = 10;

const modes: Readonly<Record<string, () => Dataplane>> = {
  nftables: () => createNftDataplane("ipv4", createNftTool({ prefix })),
  iptables: () => createIptables("ipv4", createTool({ family: "ipv4", waitSeconds: 5, prefix })),
  ipvs: () => createIpvsDataplane("ipv4", ipvsConfig, ipvsTools("ipv4", ipvsConfig, prefix)),
};
const ipvsConfig = { scheduler: "rr", strictArp: false } as const;

export const benchmark: StandaloneBenchmark = {
  summary:
    "10,000 services of two endpoints: first sync, one endpoint's update until it is in force, a look at everything",
  async measure(say, words) {
    const count = Number(words.find((word) => /^\d+$/.test(word)) ?? 10_000);
    const wanted = Object.entries(modes).filter(([name]) => words.every((word) => /^\d+$/.test(word) || word === name));
    const figures: Figure[] = [];
    for (const [name, create] of wanted) {
      say(`${name}: ${count} services`);
      spawnSync("ip", ["netns", "add", namespace]);
      // IPVS takes no real server where the kernel knows no address of its own.
      spawnSync("ip", ["-n", namespace, "link", "set", "lo", "up"]);
      try {
        if (name === "ipvs" && spawnSync("ip", ["netns", "exec", namespace, "ipvsadm", "-Ln"]).status !== 0)
          say("this machine's kernel has no IPVS (npm run vm brings one)");
        else figures.push(...(await measureMode(name, create(), count)));
      } finally {
        spawnSync("ip", ["netns", "delete", namespace]);
      }
    }
    return figures;
  },
};

async function measureMode(mode: string, dataplane: Dataplane, count: number): Promise<readonly Figure[]> {
  const servicePorts = createServicePorts();
  const services = Array.from({ length: count }, (_, index) => service(index));
  const slices = services.map((_service, index) => slice(index, 2));
  const node = { nodeName: "here", zone: undefined, addresses: ["192.168.1.10"] };
  const config = {
    family: "ipv4",
    nodePortRanges: [],
    clusterCidr: "10.244.0.0/16",
    masqueradeAll: false,
    masqueradeMark: 0x4000,
  } as const;
  const sync = async (how: "look" | "glance" | "trust"): Promise<number> => {
    const startedAt = performance.now();
    const ports = servicePorts({ services, endpointSlices: slices, node, family: "ipv4" });
    await dataplane.sync(ports, config, how, AbortSignal.timeout(300_000));
    return performance.now() - startedAt;
  };
  const first = await sync("look");
  const changes: number[] = [];
  for (let i = 0; i < updates; i++) {
    slices[i * 7] = slice(i * 7, 3);
    changes.push(await sync("trust"));
  }
  const look = await sync("look");
  const glance = await sync("glance");
  return [
    { name: `${mode}: first sync`, unit: "ms", value: first },
    ...summarize(`${mode}: one endpoint's update`, changes),
    { name: `${mode}: a look at everything`, unit: "ms", value: look },
    { name: `${mode}: a glance`, unit: "ms", value: glance },
    { name: `${mode}: memory of the process`, unit: "MB", value: process.memoryUsage().rss / 1e6 },
  ];
}

function service(index: number) {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { namespace: "shop", name: `web-${index}` },
    spec: {
      clusterIP: `10.${96 + (index >> 16)}.${(index >> 8) & 255}.${index & 255}`,
      ports: [{ name: "http", port: 80 }],
    },
  } as const;
}

function slice(index: number, endpoints: number) {
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { namespace: "shop", name: `web-${index}-x`, labels: { "kubernetes.io/service-name": `web-${index}` } },
    addressType: "IPv4",
    ports: [{ name: "http", port: 8080 }],
    endpoints: Array.from({ length: endpoints }, (_, last) => ({
      addresses: [`10.244.${(index * 3 + last) % 250}.${1 + ((((index * 3 + last) / 250) | 0) % 250)}`],
      nodeName: last === 0 ? "here" : "there",
      conditions: { ready: true },
    })),
  } as const;
}
