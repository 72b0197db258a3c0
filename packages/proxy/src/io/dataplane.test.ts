// Real packets through real rules, in network namespaces of their own: a pod and a stranger talk to services of two
// backends through a node. Both of the kernel's modes have the same tests. Without root nothing is tested here.
import { spawn, spawnSync } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createNftTool, createTool } from "@coxswain/netfilter";
import type { RulesConfig } from "../core/rules.ts";
import type { ServicePort } from "../core/service-port.ts";
import { testPort } from "../testing.ts";
import { createIptables, createNftDataplane } from "./dataplane.ts";
import type { Dataplane } from "./dataplane.ts";

const prefix = "cox-dp-";
const hosts = {
  pod: "10.244.1.1",
  one: "10.244.1.7",
  two: "10.244.1.8",
  stranger: "203.0.113.9",
} as const;
const inNode = ["ip", "netns", "exec", `${prefix}node`];
const gateway = "169.254.1.1";
const nodeAddress = "203.0.113.1";

function must(...words: readonly string[]): void {
  const [command = "", ...args] = words;
  const { status, stderr } = spawnSync(command, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${words.join(" ")}: ${stderr}`);
}

const namespaces = ["node", ...Object.keys(hosts)].map((name) => `${prefix}${name}`);
const possible =
  spawnSync("ip", ["netns", "add", `${prefix}node`]).status === 0 &&
  [["nft", "list", "tables"], ["iptables-save"]].every(
    (words) => spawnSync("ip", [...inNode.slice(1), ...words]).status === 0,
  );
const servers: ChildProcess[] = [];

/** Each host has a cable of its own to the node, which leads packets from one to the other. */
function connect(name: string, address: string, index: number): void {
  const host = ["ip", "-n", `${prefix}${name}`];
  must("ip", "netns", "add", `${prefix}${name}`);
  must(
    "ip",
    "-n",
    `${prefix}node`,
    "link",
    "add",
    `v${index}`,
    "type",
    "veth",
    "peer",
    "name",
    "eth0",
    "netns",
    `${prefix}${name}`,
  );
  must("ip", "-n", `${prefix}node`, "link", "set", `v${index}`, "up");
  must("ip", "-n", `${prefix}node`, "route", "add", address, "dev", `v${index}`);
  must("ip", "-n", `${prefix}node`, "address", "add", `${gateway}/32`, "dev", `v${index}`);
  for (const device of ["lo", "eth0"]) must(...host, "link", "set", device, "up");
  must(...host, "address", "add", `${address}/32`, "dev", "eth0");
  must(...host, "route", "add", "default", "via", gateway, "dev", "eth0", "onlink");
}

const server = `
  const net = require("node:net"), dgram = require("node:dgram"), name = process.argv[1];
  net.createServer((socket) => socket.end(name + " " + socket.remoteAddress)).listen(8080, "0.0.0.0", () => {
    const udp = dgram.createSocket("udp4");
    udp.on("message", (text, from) => udp.send(name + " " + from.address, from.port, from.address));
    udp.bind(8080, () => console.log("listens"));
  });`;

beforeAll(async () => {
  if (!possible) return;
  must("ip", "-n", `${prefix}node`, "link", "set", "lo", "up");
  must("ip", "-n", `${prefix}node`, "address", "add", `${nodeAddress}/32`, "dev", "lo");
  must(...inNode, "sysctl", "-qw", "net.ipv4.ip_forward=1");
  Object.entries(hosts).forEach(([name, address], index) => connect(name, address, index));
  for (const name of ["one", "two"]) {
    const child = spawn("ip", ["netns", "exec", `${prefix}${name}`, process.execPath, "-e", server, name], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    servers.push(child);
    await once(child.stdout, "data");
  }
});

afterAll(async () => {
  for (const child of servers) {
    child.kill("SIGKILL");
    await once(child, "exit");
  }
  for (const namespace of namespaces) spawnSync("ip", ["netns", "delete", namespace]);
});

/** What a host is answered over TCP; "refused" when it is told no, "silence" when it is told nothing. */
function ask(from: keyof typeof hosts | "node", address: string, port: number, patienceSeconds = 10): string {
  const script = `exec 3<>/dev/tcp/${address}/${port} && cat <&3`;
  const words = [String(patienceSeconds), "ip", "netns", "exec", `${prefix}${from}`, "bash", "-c", script];
  const { status, stdout } = spawnSync("timeout", words, { encoding: "utf8" });
  return status === 0 ? stdout : status === 124 ? "silence" : "refused";
}

function askUdp(from: keyof typeof hosts, address: string, port: number): string {
  const script = `exec 3<>/dev/udp/${address}/${port} && echo hello >&3 && timeout 10 dd bs=64 count=1 status=none <&3`;
  return spawnSync("ip", ["netns", "exec", `${prefix}${from}`, "bash", "-c", script], { encoding: "utf8" }).stdout;
}

const modes: readonly (readonly [string, () => Dataplane])[] = [
  ["iptables", () => createIptables("ipv4", createTool({ family: "ipv4", waitSeconds: 5, prefix: inNode }))],
  ["nftables", () => createNftDataplane("ipv4", createNftTool({ prefix: inNode }))],
];
const config: RulesConfig = {
  family: "ipv4",
  nodePortRanges: [],
  clusterCidr: "10.244.0.0/16",
  masqueradeAll: false,
  masqueradeMark: 0x4000,
};
const both = [hosts.one, hosts.two].map((address) => ({ address, port: 8080 }));

describe.runIf(possible).each(modes)("packets by %s", (_name, create) => {
  const dataplane = create();
  const sync = (...ports: readonly ServicePort[]) => dataplane.sync(ports, config, "look", AbortSignal.timeout(10_000));
  afterAll(() => dataplane.remove());

  it("reach every backend with the pod's address, and one backend with a client's affinity", async () => {
    await sync(testPort({ backends: both }));
    const answers = new Set(Array.from({ length: 24 }, () => ask("pod", "10.96.0.5", 80)));
    expect([...answers].sort()).toEqual([`one ${hosts.pod}`, `two ${hosts.pod}`]);
    await sync(testPort({ backends: both, affinitySeconds: 60 }));
    expect(new Set(Array.from({ length: 8 }, () => ask("pod", "10.96.0.5", 80))).size).toBe(1);
  });

  it("of a backend to its own service come back to it through the node", async () => {
    await sync(testPort({ backends: both.slice(0, 1) }));
    expect(ask("one", "10.96.0.5", 80)).toMatch(/^one /);
  });

  it("reach a node port from outside and from the node; policy Local keeps the stranger's address", async () => {
    await sync(testPort({ backends: both, nodePort: 30080 }));
    expect(ask("stranger", nodeAddress, 30080)).toMatch(/^(one|two) (?!203\.0\.113\.9)/);
    expect(ask("node", nodeAddress, 30080)).toMatch(/^(one|two) /);
    await sync(testPort({ backends: both, localBackends: both.slice(1), nodePort: 30080, externalPolicy: "Local" }));
    expect(ask("stranger", nodeAddress, 30080)).toBe(`two ${hosts.stranger}`);
  });

  it("of UDP are led, too, and a service without backends refuses", async () => {
    await sync(testPort({ protocol: "udp", backends: both }), testPort({ id: "shop/empty", clusterIp: "10.96.0.6" }));
    expect(askUdp("pod", "10.96.0.5", 80)).toMatch(/^(one|two) 10\.244\.1\.1/);
    expect(ask("pod", "10.96.0.6", 80)).toBe("refused");
  });

  it("from outside a load balancer's source ranges do not pass", async () => {
    const balancer = testPort({ backends: both, loadBalancerIps: ["198.51.100.1"] });
    await sync({ ...balancer, loadBalancerSourceRanges: ["203.0.113.0/24"] });
    expect(ask("stranger", "198.51.100.1", 80)).toMatch(/^(one|two) /);
    await sync({ ...balancer, loadBalancerSourceRanges: ["192.0.2.0/24"] });
    expect(ask("stranger", "198.51.100.1", 80, 1)).toBe("silence");
  });

  it("flow again after a stranger has flushed everything, and nothing is left in the end", async () => {
    await sync(testPort({ backends: both }));
    must(...inNode, "nft", "flush", "ruleset");
    expect(ask("pod", "10.96.0.5", 80, 1)).not.toMatch(/one|two/);
    await dataplane.sync([testPort({ backends: both })], config, "glance", AbortSignal.timeout(10_000));
    expect(ask("pod", "10.96.0.5", 80)).toMatch(/^(one|two) /);
    await dataplane.remove();
    const left = spawnSync("ip", [...inNode.slice(1), "nft", "list", "ruleset"], { encoding: "utf8" }).stdout;
    expect(left).not.toMatch(/KUBE-|coxswain/);
  });
});
