// Real packets through real rules, in network namespaces of their own: a pod and a stranger talk to services of two
// backends through a node. All of the kernel's modes have the same tests. Without root nothing is tested here, and IPVS only
// where the kernel has it (`npm run vm` brings one that does).
import { spawnSync } from "node:child_process";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createNftTool, createTool } from "@coxswain/netfilter";
import type { RulesConfig } from "../core/rules.ts";
import type { ServicePort } from "../core/service-port.ts";
import { createHosts, hosts, must, nodeAddress } from "../../testing/hosts.ts";
import type { Hosts } from "../../testing/hosts.ts";
import { testPort } from "../../testing/service-port.ts";
import { createIptables, createNftDataplane } from "./dataplane.ts";
import type { Dataplane } from "./dataplane.ts";
import { createIpvsDataplane, ipvsTools } from "./ipvs/dataplane.ts";

const world = createHosts("cox-dp-", [["nft", "list", "tables"], ["iptables-save"]]);
const inNode = world?.inside("node") ?? [];
const ask: Hosts["ask"] = (...of) => world?.ask(...of) ?? "";
const askUdp: Hosts["askUdp"] = (...of) => world?.askUdp(...of) ?? "";

beforeAll(async () => {
  if (!world) return;
  await world.start();
  // A host with a thousand addresses.
  must(...inNode, "ip", "route", "add", "10.244.8.0/22", "dev", "v1");
  must(...world.inside("one"), "ip", "route", "add", "local", "10.244.8.0/22", "dev", "lo");
  if (!hasSctp) return;
  for (const host of ["one", "two"] as const) await world.launch(host, "perl", "-e", sctpServer, host);
});
afterAll(() => world?.stop());

/** Node has no SCTP. */
const perlSctp = `use Socket; $| = 1; my $host = shift; socket(S, PF_INET, SOCK_STREAM, 132) or die $!;`;
const sctpServer = `${perlSctp} bind(S, sockaddr_in(8080, INADDR_ANY)) or die $!; listen(S, 8) or die $!; print "listens\\n";
  while (accept(C, S)) { syswrite(C, $host); close(C); }`;
const sctpClient = `${perlSctp} alarm(60); connect(S, sockaddr_in(shift, inet_aton($host))) or die $!; sysread(S, my $name, 99); print $name;`;
const hasSctp = world !== undefined && spawnSync("perl", ["-e", perlSctp]).status === 0;

const ipvs = createIpvsDataplane(
  "ipv4",
  { scheduler: "rr", strictArp: false },
  ipvsTools("ipv4", { strictArp: false }, inNode),
);
const hasIpvs =
  world !== undefined &&
  (await ipvs.probe(AbortSignal.timeout(60_000)).then(
    () => true,
    () => false,
  ));

const modes: readonly (readonly [string, () => Dataplane])[] = [
  ["iptables", () => createIptables("ipv4", createTool({ family: "ipv4", waitSeconds: 5, prefix: inNode }))],
  ["nftables", () => createNftDataplane("ipv4", createNftTool({ prefix: inNode }))],
  ...(hasIpvs ? [["IPVS", () => ipvs] as const] : []),
];
const config: RulesConfig = {
  family: "ipv4",
  nodePortRanges: [],
  clusterCidr: "10.244.0.0/16",
  masqueradeAll: false,
  masqueradeMark: 0x4000,
};
const both = [hosts.one, hosts.two].map((address) => ({ address, port: 8080 }));

describe.runIf(world).each(modes)("packets by %s", { timeout: 180_000 }, (name, create) => {
  const dataplane = create();
  const sync = (...ports: readonly ServicePort[]) => dataplane.sync(ports, config, "look", AbortSignal.timeout(60_000));
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

  it.runIf(hasSctp)("of SCTP are led, too, where the kernel has it", async () => {
    const port = testPort({ protocol: "sctp", port: 36_412, nodePort: 30_412, backends: both });
    await sync(port);
    const client = (from: "pod" | "stranger", ...to: readonly string[]): string =>
      must(...(world?.inside(from) ?? []), "perl", "-e", sctpClient, ...to);
    expect(client("pod", port.clusterIp, "36412")).toMatch(/^(one|two)$/);
    expect(client("stranger", nodeAddress, "30412")).toMatch(/^(one|two)$/);
  });

  it("reach one of a thousand endpoints, and they are written as they are read back", async () => {
    const many = Array.from({ length: 1_000 }, (_, n) => ({
      address: `10.244.${8 + (n >> 8)}.${n & 255}`,
      port: 8080,
    }));
    await sync(testPort({ backends: many }));
    expect(Array.from({ length: 6 }, () => ask("pod", "10.96.0.5", 80))).toEqual(Array(6).fill(`one ${hosts.pod}`));
    expect(await sync(testPort({ backends: many }))).toEqual([]);
    await sync(testPort({ backends: both.slice(1) }));
    expect(ask("pod", "10.96.0.5", 80)).toBe(`two ${hosts.pod}`);
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
    if (name === "IPVS") {
      must(...inNode, "ipvsadm", "-C");
      must(...inNode, "ip", "link", "delete", "kube-ipvs0");
    }
    expect(ask("pod", "10.96.0.5", 80, 1)).not.toMatch(/one|two/);
    await dataplane.sync([testPort({ backends: both })], config, "glance", AbortSignal.timeout(60_000));
    expect(ask("pod", "10.96.0.5", 80)).toMatch(/^(one|two) /);
    await dataplane.remove();
    expect(must(...inNode, "nft", "list", "ruleset")).not.toMatch(/KUBE-|coxswain/);
    expect(must(...inNode, "ip", "link", "show")).not.toContain("kube-ipvs0");
    if (name === "IPVS") expect(must(...inNode, "ipvsadm", "-Ln")).not.toMatch(/^(TCP|UDP)/m);
  });
});
