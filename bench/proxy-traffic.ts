// What a service's address costs its traffic: the same requests straight to an endpoint and through the address, in turns, across
// a machine with the product's own rules for a hundred services (root, `ip`, `iptables`, `nft`). Three network namespaces.
// `npm run bench -- proxy-traffic [MODE] [ROUNDS]`.
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { createNftTool, createTool } from "@coxswain/netfilter";
import { createIptables, createNftDataplane, createServicePorts } from "@coxswain/proxy";
import type { Dataplane } from "@coxswain/proxy";
import type { Figure, StandaloneBenchmark } from "./bench.ts";

const [client, machine, server] = ["cox-bench-a", "cox-bench-m", "cox-bench-b"] as const;
const prefix = ["ip", "netns", "exec", machine];
const clientAddress = "10.244.0.2";
const endpoint = "10.244.1.2";
const services = 100;
const defaultRounds = 5;

const modes: Readonly<Record<string, () => Dataplane>> = {
  nftables: () => createNftDataplane("ipv4", createNftTool({ prefix })),
  iptables: () => createIptables("ipv4", createTool({ family: "ipv4", waitSeconds: 5, prefix })),
};

/** Answers at once, or with 256 MiB. */
const serverSource = `
  const block = Buffer.alloc(1 << 20);
  require("http").createServer((question, answer) => {
    if (question.url !== "/bulk") return answer.end("ok");
    let left = 256;
    const more = () => { while (left-- > 0) if (!answer.write(block)) return answer.once("drain", more); answer.end(); };
    more();
  }).listen(8080, () => console.log("there"));`;

/**
 * Asks two URLs in turns from one process, so that what it has warmed up and what else the machine does count for both alike. Prints for each
 * milliseconds of a request by a new connection and by a kept one, as medians, and MiB a second.
 */
const clientSource = `
  const { Agent, get } = require("http");
  const urls = process.argv.slice(1);
  const ask = (url, agent) => new Promise((resolve, reject) => get(url, { agent }, (answer) => {
    let size = 0; answer.on("data", (chunk) => (size += chunk.length)).on("end", () => resolve(size)).on("error", reject);
  }).on("error", reject));
  const middle = (values) => values.sort((a, b) => a - b)[values.length >> 1];
  const inTurns = async (count, measure) => {
    const values = urls.map(() => []);
    for (let i = 0; i < count; i++) for (const at of i % 2 ? [1, 0] : [0, 1]) values[at].push(await measure(at));
    return values.map(middle);
  };
  const timed = (agents, path) => async (at) => {
    const begin = performance.now();
    const size = await ask(urls[at] + path, agents[at]);
    return { took: performance.now() - begin, size };
  };
  const requests = (agents) => inTurns(600, async (at) => (await timed(agents, "")(at)).took);
  const fresh = () => urls.map(() => new Agent());
  (async () => {
    await requests(fresh());
    const news = await requests(fresh());
    const kept = await requests(urls.map(() => new Agent({ keepAlive: true, maxSockets: 1 })));
    const rates = await inTurns(4, async (at) => {
      const { took, size } = await timed(fresh(), "bulk")(at);
      return size / 1048576 / (took / 1000);
    });
    console.log(JSON.stringify(urls.map((_url, at) => [news[at], kept[at], rates[at]])));
    process.exit(0);
  })();`;

export const benchmark: StandaloneBenchmark = {
  summary:
    "requests and bytes through a service's address against straight ones, among 100 services: medians of rounds, in each both in turns",
  async measure(say, words) {
    const figures: Figure[] = [];
    const rounds = Number(words.find((word) => /^\d+$/.test(word)) ?? defaultRounds);
    const named = words.filter((word) => word in modes);
    for (const [mode, create] of Object.entries(modes).filter(([name]) => named.length === 0 || named.includes(name))) {
      say(mode);
      connect();
      const child = spawn("ip", ["netns", "exec", server, process.execPath, "-e", serverSource], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      try {
        await once(child.stdout, "data");
        await writeRules(create());
        figures.push(...compare(mode, rounds));
      } finally {
        child.kill("SIGKILL");
        for (const name of [client, machine, server]) execFileSync("ip", ["netns", "delete", name]);
      }
    }
    return figures;
  },
};

function connect(): void {
  const ip = (line: string): void => void execFileSync("ip", line.split(" "));
  for (const name of [client, machine, server]) ip(`netns add ${name}`);
  for (const [name, address, gateway] of [
    [client, clientAddress, "10.244.0.1"],
    [server, endpoint, "10.244.1.1"],
  ] as const) {
    const link = name.replaceAll("-", "");
    ip(`-n ${machine} link add ${link} type veth peer name eth0 netns ${name}`);
    ip(`-n ${machine} address add ${gateway}/24 dev ${link}`);
    ip(`-n ${machine} link set ${link} up`);
    ip(`-n ${name} address add ${address}/24 dev eth0`);
    ip(`-n ${name} link set eth0 up`);
    ip(`-n ${name} route add default via ${gateway}`);
  }
  execFileSync("ip", ["netns", "exec", machine, "sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward"]);
}

async function writeRules(dataplane: Dataplane): Promise<void> {
  const all = Array.from({ length: services }, (_unused, index) => index);
  const ports = createServicePorts()({
    services: all.map((index) => ({
      apiVersion: "v1",
      kind: "Service",
      metadata: { namespace: "shop", name: `web-${index}` },
      spec: { clusterIP: addressOf(index), ports: [{ name: "http", port: 80 }] },
    })),
    endpointSlices: all.map((index) => ({
      apiVersion: "discovery.k8s.io/v1",
      kind: "EndpointSlice",
      metadata: { namespace: "shop", name: `web-${index}-x`, labels: { "kubernetes.io/service-name": `web-${index}` } },
      addressType: "IPv4",
      ports: [{ name: "http", port: 8080 }],
      endpoints: [{ addresses: [endpoint], nodeName: "there", conditions: { ready: true } }],
    })),
    node: { nodeName: "here", zone: undefined, addresses: ["10.244.0.1"] },
    family: "ipv4",
  });
  const config = { family: "ipv4", nodePortRanges: [], clusterCidr: "10.244.0.0/16", masqueradeAll: false } as const;
  await dataplane.sync(ports, { ...config, masqueradeMark: 0x4000 }, "look", AbortSignal.timeout(60_000));
}

const addressOf = (index: number): string => `10.96.0.${index + 1}`;

function compare(mode: string, rounds: number): readonly Figure[] {
  // The last of a hundred services, so that a search from the first to the last would show.
  const urls = [`http://${endpoint}:8080/`, `http://${addressOf(services - 1)}:80/`];
  const turns = Array.from({ length: rounds }, () => {
    const words = ["netns", "exec", client, process.execPath, "-e", clientSource, ...urls];
    const [straight = [], through = []] = JSON.parse(
      execFileSync("ip", words, { encoding: "utf8" }),
    ) as readonly (readonly number[])[];
    return { straight, through };
  });
  const middle = (values: readonly number[]): number =>
    values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
  return ["new connection", "kept connection", "throughput"].flatMap((name, at) => {
    const unit = name === "throughput" ? "MiB/s" : "ms";
    const straight = middle(turns.map((turn) => turn.straight[at] ?? Number.NaN));
    const through = middle(turns.map((turn) => turn.through[at] ?? Number.NaN));
    return [
      { name: `${mode}: ${name}, straight`, unit, value: straight },
      { name: `${mode}: ${name}, through the address`, unit, value: through },
      { name: `${mode}: ${name}, difference`, unit: "%", value: (through / straight - 1) * 100 },
    ];
  });
}
