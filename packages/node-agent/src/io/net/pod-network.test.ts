// The pod network with real packets (root, `ip`, `bridge`, `iptables`, `curl`): three machines as network namespaces, two of them
// on one link and the third behind a router that knows nothing of pods. Each agent is a process that dies without a word.
import { execFile, spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const run = promisify(execFile);
const mark = process.pid.toString(36);
const [router, here, near, far] = ["r", "a", "b", "c"].map((name) => `coxn${name}${mark}`);
const names = [router, here, near, far].map((name) => name ?? "");
const processes: ChildProcess[] = [];

/** Commands of `ip`, one a line, in a namespace. */
async function ip(namespace: string | undefined, lines: readonly string[]): Promise<void> {
  const place = namespace === undefined ? [] : ["-n", namespace];
  for (const line of lines) await run("ip", [...place, ...line.split(" ")]);
}

async function inside(namespace: string | undefined, ...words: string[]): Promise<string> {
  return (await run("ip", ["netns", "exec", namespace ?? "", ...words], { maxBuffer: 8 << 20 })).stdout;
}

/** What an agent does in a machine, and then it is gone: the kernel keeps what was made. */
async function agent(namespace: string | undefined, address: string, steps: readonly unknown[][]): Promise<string> {
  const source = `
    import { createNetfilter, createTool } from ${JSON.stringify(import.meta.resolve("@coxswain/netfilter"))};
    import { isPodChain, podTables } from ${JSON.stringify(new URL("../../core/network/rules.ts", import.meta.url).href)};
    import { createPodNetwork } from ${JSON.stringify(new URL("pod-network.ts", import.meta.url).href)};
    const netfilter = createNetfilter({ owned: isPodChain("cox0"), tables: podTables }, { tool: createTool({ family: "ipv4", waitSeconds: 5 }) });
    const config = { bridge: "cox0", clusterCidr: "10.244.0.0/16", mode: "auto", vxlanPort: 4789, address: ${JSON.stringify(address)} };
    const network = createPodNetwork(config, { netfilter, taken: async () => new Set(["10.244.1.2"]) });
    for (const [verb, ...words] of ${JSON.stringify(steps)}) {
      const told = await network[verb](...words).catch((error) => error.message);
      if (told !== undefined) console.log(told);
    }`;
  return (await inside(namespace, process.execPath, "--input-type=module", "--eval", source)).trim();
}

/** A pod's network namespace, which lasts as long as its process. */
async function sandbox(id: string): Promise<{ readonly id: string; readonly pid: number }> {
  const child = spawn("unshare", ["--net", "sh", "-c", "echo there; exec sleep 300"], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  processes.push(child);
  await new Promise((resolve) => child.stdout.once("data", resolve));
  return { id, pid: child.pid ?? 0 };
}

const within = (pid: number | undefined, ...words: string[]) =>
  run("nsenter", [`--net=/proc/${pid}/ns/net`, ...words], { maxBuffer: 8 << 20 });

/** Answers with whom it sees, and then a megabyte, so that the largest packets are on their way. */
const talker =
  'require("http").createServer((q, a) => a.end(q.socket.remoteAddress + " " + "x".repeat(1 << 20))).listen(8080, "0.0.0.0", () => console.log("there"))';

const routes = [
  { to: "10.244.1.0/24", via: "192.168.61.10" },
  { to: "10.244.2.0/24", via: "192.168.61.11" },
  { to: "10.244.3.0/24", via: "192.168.62.10" },
];

describe.skipIf(process.getuid?.() !== 0)("pods on three machines, one of them behind a router", () => {
  const pods: Record<string, { readonly id: string; readonly pid: number }> = {};

  beforeAll(async () => {
    for (const name of names) await ip(undefined, [`netns add ${name}`]);
    await ip(router, ["link add shared type bridge", "address add 192.168.61.1/24 dev shared", "link set shared up"]);
    for (const [index, [name, address, gateway]] of [
      [here, "192.168.61.10/24", "192.168.61.1"],
      [near, "192.168.61.11/24", "192.168.61.1"],
      [far, "192.168.62.10/24", "192.168.62.1"],
    ].entries()) {
      await ip(router, [`link add p${index} type veth peer name eth0 netns ${name}`, `link set p${index} up`]);
      await ip(router, [index < 2 ? `link set p${index} master shared` : `address add ${gateway}/24 dev p${index}`]);
      await ip(name, [
        "link set lo up",
        `address add ${address} dev eth0`,
        "link set eth0 up",
        `route add default via ${gateway}`,
      ]);
    }
    await inside(router, "sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward");
    for (const id of ["here", "near", "far", "late"]) pods[id] = await sandbox(id);
    const attach = (id: string, address: string) => ["attach", { ...pods[id], address }];
    // The first pods come before anything is known of other nodes, and so with the link's largest packets.
    const [one, two, three] = routes;
    const told = await Promise.all([
      agent(here, "192.168.61.10", [
        ["configure", one?.to],
        attach("here", "10.244.1.2"),
        ["setRoutes", [two, three]],
        attach("late", "10.244.1.3"),
      ]),
      agent(near, "192.168.61.11", [["configure", two?.to], attach("near", "10.244.2.2"), ["setRoutes", [one, three]]]),
      agent(far, "192.168.62.10", [["configure", three?.to], attach("far", "10.244.3.2"), ["setRoutes", [one, two]]]),
    ]);
    expect(told).toEqual(["", "", ""]);
    for (const place of [
      ...["near", "far"].map((id) => ["nsenter", `--net=/proc/${pods[id]?.pid}/ns/net`]),
      ["ip", "netns", "exec", router ?? ""],
    ]) {
      const [command, ...words] = [...place, process.execPath, "-e", talker];
      const child = spawn(command, words, { stdio: ["ignore", "pipe", "ignore"] });
      processes.push(child);
      await new Promise((resolve) => child.stdout.once("data", resolve));
    }
  }, 60_000);

  afterAll(async () => {
    for (const child of processes) child.kill("SIGKILL");
    for (const name of names) await ip(undefined, [`netns del ${name}`]);
  });

  const ask = ["curl", "-s", "--max-time", "20"];
  const seen = (body: string): unknown[] => [body.split(" ")[0], body.length > 1 << 20];

  it("see each other as they are, straight on the link and wrapped behind the router, with packets of any size", async () => {
    for (const [id, address] of Object.entries({ here: "10.244.1.2", late: "10.244.1.3" })) {
      for (const url of ["http://10.244.2.2:8080/", "http://10.244.3.2:8080/"])
        expect(seen((await within(pods[id]?.pid, ...ask, url)).stdout)).toEqual([address, true]);
    }
    expect(await inside(here, "ip", "-4", "route", "show", "proto", "110")).toBe(
      "10.244.2.0/24 via 192.168.61.11 dev eth0 \n10.244.3.0/24 via 10.244.3.0 dev cox0-vx onlink \n",
    );
  });

  it("are reached by the machines themselves", async () => {
    expect(seen(await inside(here, ...ask, "http://10.244.2.2:8080/"))).toEqual(["192.168.61.10", true]);
    expect(seen(await inside(here, ...ask, "http://10.244.3.2:8080/"))).toEqual(["10.244.1.0", true]);
  });

  it("are seen as their machine by the world outside", async () => {
    const world = "http://192.168.61.1:8080/";
    expect(seen((await within(pods["here"]?.pid, ...ask, world)).stdout)).toEqual(["192.168.61.10", true]);
    expect(seen((await within(pods["far"]?.pid, ...ask, world)).stdout)).toEqual(["192.168.62.10", true]);
  });

  it("have packets that fit when it is known that some are wrapped", async () => {
    const mtu = async (id: string) =>
      /mtu (\d+)/.exec((await within(pods[id]?.pid, "ip", "link", "show", "eth0")).stdout)?.[1];
    expect([await mtu("here"), await mtu("late")]).toEqual(["1500", "1450"]);
  });

  it("are refused addresses that somebody has, and told when there are none", async () => {
    expect(await agent(near, "192.168.61.11", [["configure", "192.168.61.128/25"], ["reserve"]])).toBe(
      "the pod CIDR 192.168.61.128/25 overlaps with 192.168.61.0/24 of this machine's link eth0\nthe node has no pod CIDR yet",
    );
    expect(await agent(here, "192.168.61.10", [["configure", "10.244.1.0/30"], ["reserve"]])).toBe(
      "no address is free in 10.244.1.0/30: all 1 are taken",
    );
    await ip(here, ["address del 10.244.1.1/30 dev cox0"]);
    expect(
      await agent(here, "192.168.61.10", [
        ["configure", "10.244.1.0/24"],
        ["setRoutes", [...routes.slice(1), { to: "10.244.0.0/16", via: "192.168.61.99" }]],
      ]),
    ).toBe(
      "some nodes' pods cannot be reached: the network 10.244.0.0/16 of the pods of 192.168.61.99 overlaps with 10.244.1.0/24, which is in use",
    );
    expect(seen((await within(pods["here"]?.pid, ...ask, "http://10.244.3.2:8080/")).stdout)).toEqual([
      "10.244.1.2",
      true,
    ]);
  });

  it("leave nothing behind: of a node that has gone, and of the agent itself, whoever made it", async () => {
    expect(
      await agent(here, "192.168.61.10", [
        ["configure", "10.244.1.0/24"],
        ["setRoutes", [routes[1]]],
      ]),
    ).toBe("");
    expect(await inside(here, "ip", "-4", "route", "show", "proto", "110")).toBe(
      "10.244.2.0/24 via 192.168.61.11 dev eth0 \n",
    );
    expect(await inside(here, "ip", "-br", "link", "show", "type", "vxlan")).toBe("");
    expect(await agent(far, "192.168.62.10", [["remove"]])).toBe("");
    // A pod's link goes with its sandbox.
    const links = (await inside(far, "ip", "-br", "link")).split("\n").map((line) => line.split(/[@\s]/)[0]);
    expect(
      links.filter((name) => name !== "" && !/^(lo|eth0|coxfar|tunl|sit|gre|erspan|ip6|ip_vti)/.test(name ?? "")),
    ).toEqual([]);
    expect(await inside(far, "iptables-save")).not.toContain("COX");
    expect(await inside(far, "ip", "-4", "route", "show", "proto", "110")).toBe("");
  });
});
