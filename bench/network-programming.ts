// How long a ready pod waits for its rule: a hundred services before a real control plane, hollow nodes and one proxy, whose rules are
// written in a network namespace (root, `ip`, `iptables`). From the moment at which a client is told that the pod is ready to the rule in the
// kernel, for some pods of each service in turn. `npm run bench -- network-programming [MODE]`.
import { execFileSync, spawn } from "node:child_process";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { pods, services } from "@coxswain/api/core/v1";
import { freePort } from "@coxswain/daemon/testing";
import { writeKubeconfig } from "../scripts/cluster/kubeconfig.ts";
import { daemonEntry } from "../scripts/cluster/layout.ts";
import type { ControlPlane } from "../test/protocol/control-plane.ts";
import { summarize } from "./bench.ts";
import type { StandaloneBenchmark } from "./bench.ts";
import { residentMb, startBenchPlane } from "./controllers/plane.ts";

const netns = "cox-bench-programming";
const count = 100;
const rounds = 3;
const namespace = "default";
const longestMs = 30_000;
/** What the proxy calls; each is entered into the namespace. */
const programs = ["iptables", "ip6tables"].flatMap((name) => [name, `${name}-save`, `${name}-restore`]);
const looks: Readonly<Record<string, readonly string[]>> = {
  iptables: ["iptables-save", "-t", "nat"],
  nftables: ["nft", "list", "ruleset"],
};

export const benchmark: StandaloneBenchmark = {
  summary: `a pod is ready → its rule is in the kernel, among ${count} services; then the proxy's memory`,
  async measure(say, words) {
    const mode = words.find((word) => word in looks) ?? "iptables";
    const look = looks[mode] ?? [];
    await using bench = await startBenchPlane(4);
    const { client, plane } = bench;
    execFileSync("ip", ["netns", "add", netns]);
    const proxy = await startProxy(plane, mode);
    const ended = new AbortController();
    try {
      const all = Array.from({ length: count }, (_unused, index) => `web-${index}`);
      await Promise.all(
        all.map((app) =>
          client.resource(services).create({
            ...{ apiVersion: "v1", kind: "Service", metadata: { namespace, name: app } },
            spec: { selector: { app }, ports: [{ port: 80, targetPort: 8080 }] },
          }),
        ),
      );
      say(`${mode}: ${count} services`);
      const ready = new Map<string, { readonly at: number; readonly address: string }>();
      const watching = (async () => {
        for await (const { object } of client.resource(pods).watch({ namespace, signal: ended.signal })) {
          const { name } = object.metadata;
          const is = object.status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True");
          if (is && !ready.has(name))
            ready.set(name, { at: performance.now(), address: object.status?.podIP ?? "no address" });
        }
      })().catch((error: unknown) => {
        if (!ended.signal.aborted) throw error;
      });
      const waits: number[] = [];
      const turns = Array.from({ length: rounds }, (_unused, round) =>
        all.map((app) => ({ app, name: `${app}-${round}` })),
      );
      for (const { app, name } of turns.flat()) {
        await client.resource(pods).create({
          ...{ apiVersion: "v1", kind: "Pod", metadata: { namespace, name, labels: { app } } },
          spec: { containers: [{ name: "web", image: "web", ports: [{ containerPort: 8080 }] }] },
        });
        waits.push(await inForce(() => ready.get(name), look));
      }
      ended.abort();
      await watching;
      await delay(10_000);
      return [
        ...summarize(`${mode}: ready to rule`, waits),
        { name: `${mode}: memory of the proxy`, unit: "MB", value: residentMb(proxy.pid ?? 0) },
      ];
    } finally {
      ended.abort();
      const gone = new Promise((resolve) => proxy.once("exit", resolve));
      proxy.kill("SIGTERM");
      await gone;
      execFileSync("ip", ["netns", "delete", netns]);
    }
  },
};

/** Milliseconds between the pod's readiness and the first look that finds its address in the rules. */
async function inForce(
  ready: () => { readonly at: number; readonly address: string } | undefined,
  look: readonly string[],
): Promise<number> {
  const deadline = performance.now() + longestMs;
  while (performance.now() < deadline) {
    const pod = ready();
    if (pod === undefined) {
      await delay(2);
      continue;
    }
    const rules = execFileSync("ip", ["netns", "exec", netns, ...look], { encoding: "utf8" });
    if (new RegExp(`\\b${pod.address.replaceAll(".", "\\.")}\\b`).test(rules)) return performance.now() - pod.at;
    await delay(2);
  }
  throw new Error(`no rule within ${longestMs} ms`);
}

async function startProxy(plane: ControlPlane, mode: string) {
  const { pki, dir } = plane;
  await pki.ensureNode("bench", ["127.0.0.1"]);
  const kubeconfig = join(dir, "proxy.conf");
  writeKubeconfig({
    file: kubeconfig,
    server: `https://127.0.0.1:${plane.servers[0]?.port}`,
    authorityFile: pki.authorityFile("kubernetes-ca"),
    user: "system:kube-proxy",
    certificate: pki.files("bench", "proxy"),
  });
  const shims = join(dir, "shims");
  mkdirSync(shims);
  for (const name of [...programs, "nft", "conntrack"]) {
    const real = execFileSync("which", [name], { encoding: "utf8" }).trim();
    writeFileSync(join(shims, name), `#!/bin/sh\nexec ip netns exec ${netns} ${real} "$@"\n`);
    chmodSync(join(shims, name), 0o755);
  }
  const { cert, key } = pki.files("bench", "proxy");
  const args = [
    `--kubeconfig=${kubeconfig}`,
    "--hostname-override=bench",
    "--cluster-cidr=10.244.0.0/16",
    `--proxy-mode=${mode}`,
    "--bind-address=127.0.0.1",
    `--secure-port=${await freePort()}`,
    `--tls-cert-file=${cert}`,
    `--tls-private-key-file=${key}`,
  ];
  const env = { ...process.env, PATH: `${shims}:${process.env["PATH"]}` };
  return spawn(process.execPath, ["--max-semi-space-size=1", daemonEntry("proxy"), ...args], {
    env,
    stdio: "ignore",
  });
}
