// What IPVS mode alone promises, with real packets where the kernel has it (`npm run vm` brings one); what all modes promise is in ../dataplane.test.ts.
// Where the kernel lacks it, that is said.
import { once } from "node:events";
import type { Readable } from "node:stream";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { NetfilterError, runTool } from "@coxswain/netfilter";
import { createMemoryIpvsTool, createMemoryNftTool } from "@coxswain/netfilter/testing";
import type { RulesConfig } from "../../core/rules.ts";
import type { ServicePort } from "../../core/service-port.ts";
import { createHosts, hosts, must, nodeAddress } from "../../../testing/hosts.ts";
import { testPort } from "../../../testing/service-port.ts";
import { createIpvsDataplane, ipvsTools } from "./dataplane.ts";
import type { IpvsTools } from "./dataplane.ts";
import { createServiceLink } from "./service-link.ts";

const settings = { scheduler: "rr", strictArp: false } as const;
const config: RulesConfig = {
  ...{ family: "ipv4", nodePortRanges: [], clusterCidr: "10.244.0.0/16", masqueradeAll: false, masqueradeMark: 0x4000 },
};
const both = [hosts.one, hosts.two].map((address) => ({ address, port: 8080 }));
const first = both.slice(0, 1);
const second = both.slice(1);

describe("a kernel that lacks something", () => {
  const refusal = (error: Error): Promise<void> => {
    const tools: IpvsTools = {
      ...ipvsTools("ipv4", settings),
      nft: createMemoryNftTool(),
      ipvs: { ...createMemoryIpvsTool(), list: () => Promise.reject(error), isLoaded: async () => false },
    };
    return createIpvsDataplane("ipv4", settings, tools).probe(AbortSignal.timeout(10_000));
  };
  const instead = "; --proxy-mode=nftables needs no IPVS and is as fast";

  it("is refused by name, with what to do", async () => {
    const said = "ipvsadm ended with 1: Can't initialize ipvs: Protocol not available";
    await expect(refusal(new NetfilterError("tool-refused", said))).rejects.toThrow(
      `this machine's kernel has no IPVS (CONFIG_IP_VS, module ip_vs), which a distribution's own kernel has${instead}`,
    );
    await expect(refusal(new NetfilterError("tool-missing", "ipvsadm is not installed"))).rejects.toThrow(
      `ipvsadm is not installed${instead}`,
    );
    await expect(
      refusal(new NetfilterError("tool-refused", "ipvsadm: Scheduler or persistence engine not found")),
    ).rejects.toThrow(`this machine's kernel has no IPVS scheduler rr (module ip_vs_rr)${instead}`);
  });
});

describe("a link's tool", () => {
  const remove = (...prefix: readonly string[]) => createServiceLink("ipv4", prefix).remove();

  it("that is missing has made nothing to remove; one that refuses says why", async () => {
    expect(await remove("no-such-tool")).toEqual([]);
    await expect(remove("false")).rejects.toThrow("false ended with 1: ");
    await expect(
      runTool(["sh", "-c", "echo 'Error: no' >&2; echo 'Command failed -:2' >&2; exit 1"], "link one\nlink two\n"),
    ).rejects.toThrow("sh ended with 1: Error: no (link two)");
  });
});

const world = createHosts("cox-vs-", [
  ["nft", "list", "tables"],
  ["ipvsadm", "-Ln"],
]);
const inNode = world?.inside("node") ?? [];

// The machine that has IPVS may be a slow one.
describe.runIf(world)("packets by IPVS alone", { timeout: 300_000 }, () => {
  const hostsOf = (): NonNullable<typeof world> => {
    if (!world) throw new Error("there are no hosts");
    return world;
  };
  const dataplane = createIpvsDataplane("ipv4", settings, ipvsTools("ipv4", settings, inNode));
  const sync = (how: "look" | "glance" | "trust", ...ports: readonly ServicePort[]) =>
    dataplane.sync(ports, config, how, AbortSignal.timeout(60_000));
  const list = (): string => must(...inNode, "ipvsadm", "-Ln");
  const ask = (address: string, port: number, from: "pod" | "node" = "pod"): string =>
    hostsOf().ask(from, address, port);

  beforeAll(() => hostsOf().start());
  afterAll(() => hostsOf().stop());

  it("take strict turns", async () => {
    await sync("look", testPort({ backends: both }));
    const answers = Array.from({ length: 12 }, () => ask("10.96.0.5", 80));
    expect(answers.filter((answer) => answer.startsWith("one"))).toHaveLength(6);
    expect(answers.every((answer, index) => answer !== answers[index + 1])).toBe(true);
  });

  it("are written as they are read back: a second look finds nothing to do", async () => {
    const port = testPort({
      ...{ backends: both, nodePort: 30080, affinitySeconds: 10_800, externalIps: ["198.51.100.7", nodeAddress] },
      ...{ loadBalancerIps: ["198.51.100.1"], loadBalancerSourceRanges: ["203.0.113.0/24"], externalPolicy: "Local" },
    });
    const ports = [port, { ...port, id: "shop/dns", protocol: "udp" as const, port: 53, nodePort: 30053 }];
    await sync("look", ...ports);
    expect(await sync("look", ...ports)).toEqual([]);
    expect(await sync("glance", ...ports)).toEqual([]);
    expect(await sync("trust", ...ports)).toEqual([]);
    expect(list()).toContain("TCP  10.96.0.5:80 rr (flag-3) persistent 10800");
    const six = createIpvsDataplane("ipv6", settings, ipvsTools("ipv6", settings, inNode));
    const far = testPort({ clusterIp: "fd96::5", backends: [{ address: "fd00::7", port: 8080 }], nodePort: 30081 });
    const sixConfig = { ...config, family: "ipv6", clusterCidr: "fd00::/16" } as const;
    await six.sync([far], sixConfig, "look", AbortSignal.timeout(60_000));
    expect(await six.sync([far], sixConfig, "look", AbortSignal.timeout(60_000))).toEqual([]);
    expect(await sync("look", ...ports)).toEqual([]);
    await six.remove();
    expect(await sync("look", ...ports)).toEqual([]);
  });

  it("from the node itself reach a cluster address", async () => {
    await sync("look", testPort({ backends: both }));
    expect(ask("10.96.0.5", 80, "node")).toMatch(/^(one|two) /);
  });

  it("under policy Local without a backend here are dropped, those from outside and those to the cluster address", async () => {
    const port = testPort({ backends: both, nodePort: 30080, externalPolicy: "Local", internalPolicy: "Local" });
    await sync("look", port);
    expect(hostsOf().ask("stranger", nodeAddress, 30080, 1)).toBe("silence");
    expect(hostsOf().ask("pod", port.clusterIp, 80, 1)).toBe("silence");
    expect(ask(nodeAddress, 30080)).toMatch(/^(one|two) /);
  });

  it("to what listens on all of the machine's addresses do not reach it by a service's address", async () => {
    await sync("look", testPort({ backends: both }));
    const listener = await hostsOf().run(
      "node",
      'require("net").createServer((s) => s.end("the node")).listen(2222, "0.0.0.0", () => console.log("listens"))',
    );
    expect(ask(nodeAddress, 2222)).toBe("the node");
    expect(ask("10.96.0.5", 2222)).toBe("refused");
    expect(ask("10.96.0.5", 2222, "node")).toBe("refused");
    listener.kill("SIGKILL");
    await once(listener, "exit");
  });

  it("of a connection stay with a backend that leaves, which gets no others and goes when it has ended", async () => {
    const chat = `
      const net = require("node:net");
      net.createServer((socket) =>
        socket.on("error", () => undefined).on("data", (text) => socket.write(process.argv[1] + text)))
        .listen(9090, "0.0.0.0", () => console.log("listens"));`;
    for (const name of ["one", "two"] as const) await hostsOf().run(name, chat, name);
    const at = (backends: typeof both) => testPort({ backends: backends.map((each) => ({ ...each, port: 9090 })) });
    await sync("look", at(first));
    const client = await hostsOf().run(
      "pod",
      `const socket = require("node:net").connect(80, "10.96.0.5", () => console.log("connected"));
       socket.on("data", (text) => console.log(String(text)));
       process.stdin.on("data", (text) => String(text).trim() === "end" ? socket.resetAndDestroy() : socket.write(text));
       process.stdin.on("end", () => process.exit());`,
    );
    const say = async (text: string): Promise<string> => {
      const answer = once(client.stdout as Readable, "data");
      client.stdin?.write(text);
      return String(await answer).trim();
    };
    expect(await say("hello")).toBe("onehello");
    expect(await sync("trust", at(second))).toContain("tcp 10.96.0.5:80 -> 10.244.1.7:9090 is not wanted");
    expect(await say("still there?")).toBe("onestill there?");
    await sync("glance", at(second));
    expect(list()).toMatch(/10\.244\.1\.7:9090 +Masq +0 /);
    expect(await say("and now?")).toBe("oneand now?");
    await sync("look", { ...at(second), backends: [] });
    expect(hostsOf().ask("pod", "10.96.0.5", 80)).toBe("refused");
    await sync("look", at(second));
    client.stdin?.write("end");
    // The kernel forgets a connection within two minutes of its end.
    await expect
      .poll(async () => [await sync("glance", at(second)), list()], { timeout: 200_000, interval: 1_000 })
      .toEqual([[], expect.not.stringContaining("10.244.1.7")]);
    client.stdin?.end();
    await once(client, "exit");
  });

  it("of UDP from one client are led elsewhere as soon as the backend has gone", async () => {
    const at = (backends: typeof both) => testPort({ protocol: "udp", backends });
    await sync("look", at(first));
    const client = await hostsOf().run(
      "pod",
      `const socket = require("node:dgram").createSocket("udp4");
       setInterval(() => socket.send("hello", 80, "10.96.0.5"), 50);
       socket.on("message", (text) => console.log(String(text)));`,
    );
    const answers: string[] = [];
    client.stdout?.on("data", (text) => answers.push(String(text)));
    await sync("trust", at(second));
    await expect.poll(() => answers.at(-1), { timeout: 30_000 }).toContain(`two ${hosts.pod}`);
    client.kill("SIGKILL");
    await once(client, "exit");
  });

  it("to a stranger's virtual server are not touched, neither by changes nor by the end", async () => {
    must(...inNode, "ipvsadm", "-A", "-t", "192.0.2.1:80", "-s", "wlc");
    must(...inNode, "ipvsadm", "-a", "-t", "192.0.2.1:80", "-r", "192.0.2.7:80", "-g", "-w", "3");
    await sync("look", testPort({ backends: both, nodePort: 30080 }));
    await sync("look", testPort({ backends: first }));
    await dataplane.remove();
    expect(list()).toMatch(/^TCP +192\.0\.2\.1:80 wlc\n +-> 192\.0\.2\.7:80 +Route +3 /m);
    expect(list().match(/^TCP/gm)).toHaveLength(1);
    expect(must(...inNode, "ip", "link", "show")).not.toContain("kube-ipvs0");
    expect(must(...inNode, "nft", "list", "ruleset")).not.toContain("coxswain");
  });
});
