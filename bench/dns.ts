// What one answer costs the DNS daemon: its own sockets and resolver over a view of 1,000 services in this process, asked by
// another thread through the loopback. CPU time is the answering thread's alone, so that a busy machine does not count. Then the daemon as a
// process beside a real API server with as many services, asked in the same way: its memory. `npm run bench -- dns [SECONDS]`.
import { spawn } from "node:child_process";
import { Resolver } from "node:dns/promises";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { createDnsServer, createResolver, dnsMetrics } from "@coxswain/dns";
import { createMetricsRegistry } from "@coxswain/daemon";
import { freePort } from "@coxswain/daemon/testing";
import { systemClock, systemRandom } from "@coxswain/clock";
import { daemonEntry } from "../scripts/cluster/layout.ts";
import { nodeFlagsOf } from "../scripts/cluster/processes.ts";
import { startControlPlane } from "../test/protocol/control-plane.ts";
import { residentMb } from "./controllers/plane.ts";
import type { Figure, StandaloneBenchmark } from "./bench.ts";

const address = "127.53.0.77";
const port = 15_377;
const count = 1_000;
const restMs = 5_000;

export const benchmark: StandaloneBenchmark = {
  summary: "questions for services' addresses by UDP: answers per second of CPU, and as fast as they come",
  async measure(say, words) {
    const seconds = Number(words[0] ?? 5);
    say(`${count} services, ${seconds} s`);
    const ended = new AbortController();
    const server = createDnsServer(
      { address, port },
      { clock: systemClock, log: quiet, handle: resolver(ended.signal) },
    );
    await server.start(ended.signal);
    const before = process.threadCpuUsage();
    const { answers, elapsedMs } = await askFor(seconds);
    const { user, system } = process.threadCpuUsage(before);
    await server.stop();
    ended.abort();
    return [
      { name: "CPU time of an answer", unit: "µs", value: (user + system) / answers },
      { name: "answers per second of one core", unit: "1/s", value: (answers * 1e6) / (user + system) },
      { name: "answers per second of this run", unit: "1/s", value: (answers * 1000) / elapsedMs },
      { name: "answers", unit: "", value: answers },
      ...(await measureDaemon(say, seconds)),
    ] satisfies Figure[];
  },
};

function askFor(seconds: number): Promise<{ readonly answers: number; readonly elapsedMs: number }> {
  const asker = new Worker(askerSource, { eval: true, workerData: { address, port, count, seconds } });
  return new Promise((resolve, reject) => asker.once("message", resolve).once("error", reject));
}

async function measureDaemon(say: (text: string) => void, seconds: number): Promise<readonly Figure[]> {
  await using plane = await startControlPlane();
  const { dir, pki, servers } = plane;
  await pki.ensureNode("bench", ["127.0.0.1"]);
  const { cert, key } = pki.files("bench", "dns");
  writeFileSync(join(dir, "resolv.conf"), "");
  await plane.must(["create", "namespace", "shop"]);
  for (let n = 0; n < count; n++) {
    const spec = { ports: [{ name: "http", port: 80 }] };
    const body = { apiVersion: "v1", kind: "Service", metadata: { name: `web-${n}` }, spec };
    const { status, text } = await plane.call("POST", "/api/v1/namespaces/shop/services", { body });
    if (status !== 201) throw new Error(text);
  }
  const flags = [
    ...[`--kubeconfig=${servers[0]?.kubeconfig}`, `--dns-bind-address=${address}`, `--port=${port}`, "--interface="],
    ...[`--resolv-conf=${join(dir, "resolv.conf")}`, "--bind-address=127.0.0.1", `--secure-port=${await freePort()}`],
    ...[`--tls-cert-file=${cert}`, `--tls-private-key-file=${key}`, `--memory-file=${join(dir, "memory.json")}`],
  ];
  const daemon = spawn(process.execPath, [...nodeFlagsOf("dns"), daemonEntry("dns"), ...flags], { stdio: "ignore" });
  try {
    say("the daemon beside an API server");
    const resolver = new Resolver({ timeout: 1_000, tries: 1 });
    resolver.setServers([`${address}:${port}`]);
    const last = `web-${count - 1}.shop.svc.cluster.local`;
    while (!(await resolver.resolve4(last).catch(() => undefined))) await delay(100);
    await delay(restMs);
    const before = residentMb(daemon.pid ?? 0);
    const { answers } = await askFor(seconds);
    await delay(restMs);
    return [
      { name: "memory of the daemon", unit: "MB", value: before },
      { name: `memory after ${answers} further answers`, unit: "MB", value: residentMb(daemon.pid ?? 0) },
    ];
  } finally {
    const ended = once(daemon, "exit");
    daemon.kill("SIGTERM");
    await ended;
  }
}

function resolver(signal: AbortSignal): ReturnType<typeof createResolver> {
  const services = new Map(
    Array.from({ length: count }, (_, n) => [
      `shop/web-${n}`,
      {
        apiVersion: "v1",
        kind: "Service",
        metadata: { namespace: "shop", name: `web-${n}` },
        spec: { clusterIP: `10.96.${n >> 8}.${n & 255}`, ports: [{ name: "http", port: 80 }] },
      } as const,
    ]),
  );
  return createResolver(
    { domain: "cluster.local", serverAddress: address, ownsAddress: () => false, answersSearchList: false },
    {
      clock: systemClock,
      random: systemRandom,
      metrics: createMetricsRegistry("dns").create(dnsMetrics),
      upstream: { ask: async () => undefined, lookUp: async () => undefined, isOwnQuestion: () => false },
      view: {
        hasNamespace: (name) => name === "shop",
        service: (namespace, name) => services.get(`${namespace}/${name}`),
        slicesOf: () => [],
        servicesAt: () => [],
        slicesAt: () => [],
      },
      known: () => true,
    },
    signal,
  );
}

const quiet: Parameters<typeof createDnsServer>[1]["log"] = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => quiet,
};

/** Keeps 64 questions on their way; one that is lost is replaced after a moment. */
const askerSource = `
const { createSocket } = require("node:dgram");
const { parentPort, workerData: { address, port, count, seconds } } = require("node:worker_threads");
const questions = Array.from({ length: count }, (_, n) => {
  const labels = ["web-" + n, "shop", "svc", "cluster", "local"];
  return Buffer.concat([
    Buffer.from([0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]),
    ...labels.map((label) => Buffer.from(String.fromCharCode(label.length) + label, "latin1")),
    Buffer.from([0, 0, 1, 0, 1]),
  ]);
});
const socket = createSocket({ type: "udp4", recvBufferSize: 2 << 20 });
let answers = 0, next = 0, seen = 0;
const ask = () => socket.send(questions[next++ % count]);
socket.on("message", (answer) => { if (answer.readUInt16BE(6) === 1) answers++; ask(); });
socket.connect(port, address, () => {
  const startedAt = performance.now();
  for (let i = 0; i < 64; i++) ask();
  const refill = setInterval(() => { if (answers === seen) for (let i = 0; i < 64; i++) ask(); seen = answers; }, 100);
  setTimeout(() => {
    clearInterval(refill);
    parentPort.postMessage({ answers, elapsedMs: performance.now() - startedAt });
    socket.close();
  }, seconds * 1000);
});
`;
