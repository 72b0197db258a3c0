// One node agent with real containers under a control plane of its own, pods bound by name: from the POST of a pod to Running one after
// the other, 110 at once, what the agent then uses at rest, a command in a pod, and a log read to its end.
import { spawn } from "node:child_process";
import { setTimeout as delay } from "node:timers/promises";
import { createClient, loadKubeconfig } from "@coxswain/client";
import { pods } from "@coxswain/api/core/v1";
import type { Pod } from "@coxswain/api/core/v1";
import { systemClock as clock, systemRandom as random } from "@coxswain/clock";
import { startControlPlane } from "../test/protocol/control-plane.ts";
import type { ControlPlane } from "../test/protocol/control-plane.ts";
import { startNode, testImage } from "../test/protocol/node.ts";
import type { TestNode } from "../test/protocol/node.ts";
import { memoryMb } from "./apiserver/load.ts";
import type { Figure, StandaloneBenchmark } from "./bench.ts";
import { summarize } from "./bench.ts";
import { cpuMs } from "./controllers/plane.ts";

const inTurn = 50;
const atOnce = 110;
const atRestMs = 20_000;
const commands = 20;
const logMegabytes = 100;
const namespace = "default";

export const benchmark: StandaloneBenchmark = {
  summary: `create → Running of ${inTurn} pods in turn and ${atOnce} at once on one node, image present; then exec, logs, rest`,
  async measure(say) {
    await using plane = await startControlPlane();
    await plane.must(["create", "serviceaccount", "default"]);
    await using node = await startNode(plane, {
      flags: ["--container-log-max-size=400Mi", "--retained-log-size=0", "--endpoint-withdrawal-timeout=0s"],
    });
    const client = createClient(loadKubeconfig(plane.servers[0]?.kubeconfig ?? "", { userAgent: "bench" }), {
      clock,
      random,
    });
    const resource = client.resource(pods);
    const aborter = new AbortController();
    const seen = new Map<string, { addressed: number; running: number }>();
    const changed = new Set<() => void>();
    const watching = (async () => {
      for await (const { object } of resource.watch({ namespace, signal: aborter.signal })) {
        const { name } = object.metadata;
        const times = seen.get(name) ?? { addressed: 0, running: 0 };
        if (object.status?.podIP) times.addressed ||= performance.now();
        if (object.status?.phase === "Running" || object.status?.phase === "Succeeded")
          times.running ||= performance.now();
        seen.set(name, times);
        for (const tell of changed) tell();
      }
    })().catch((error: unknown) => {
      if (!aborter.signal.aborted) throw error;
    });
    const runs = (name: string): Promise<void> =>
      new Promise((resolve) => {
        const look = (): void => {
          if (!seen.get(name)?.running) return;
          changed.delete(look);
          resolve();
        };
        changed.add(look);
        look();
      });

    const [addressed, networked, running]: [number[], number[], number[]] = [[], [], []];
    for (let i = 0; i < inTurn; i++) {
      const name = `turn-${i}`;
      const startedAt = performance.now();
      await resource.create(benchPod(name, node));
      await runs(name);
      addressed.push((seen.get(name)?.addressed ?? Number.NaN) - startedAt);
      running.push((seen.get(name)?.running ?? Number.NaN) - startedAt);
      networked.push(await networkTimeOf(plane, node, name));
      await resource.delete({ namespace, name }, { gracePeriodSeconds: 0 });
    }
    say(`${inTurn} pods in turn`);
    while (node.containers({}, true).length > 0) await delay(200);
    const begunAt = performance.now();
    const names = Array.from({ length: atOnce }, (_, index) => `once-${index}`);
    await Promise.all(names.map((name) => resource.create(benchPod(name, node))));
    await Promise.all(names.map(runs));
    const all = names.map((name) => (seen.get(name)?.running ?? Number.NaN) - begunAt);
    say(`${atOnce} pods at once`);

    await delay(5_000);
    const cpuBefore = cpuMs(node.pid());
    await delay(atRestMs);
    const cpuShare = ((cpuMs(node.pid()) - cpuBefore) / atRestMs) * 100;
    const memory = memoryMb(node.pid(), "VmRSS");
    const execs = await measureCommands(plane, node);
    say("commands");
    for (const name of names) await resource.delete({ namespace, name }, { gracePeriodSeconds: 0 });
    while (node.containers({}, true).length > 0) await delay(500);
    say("all of them gone");
    await resource.create(
      benchPod("speaker", node, ["sh", "-c", `yes "${"x".repeat(99)}" | head -c ${logMegabytes}000000; sleep 1000`]),
    );
    await runs("speaker");
    say("logs");
    const logs = await measureLog(plane);
    aborter.abort(new Error("all is measured"));
    await watching;
    await client.close();
    return [
      ...summarize("create → address", addressed),
      ...summarize("sandbox → its network", networked),
      ...summarize("create → Running", running),
      ...summarize(`${atOnce} at once → Running`, all),
      { name: `agent's CPU at rest, ${atOnce} pods`, unit: "% of a core", value: cpuShare },
      { name: `agent's memory, ${atOnce} pods`, unit: "MB", value: memory },
      ...execs,
      ...logs,
    ];
  },
};

/** From the agent's own account of the pod's start: what its link, address and routes took. */
async function networkTimeOf(plane: ControlPlane, node: TestNode, name: string): Promise<number> {
  const { text } = await plane.call("GET", `/api/v1/nodes/${node.name}/proxy/pods/${namespace}/${name}/timeline`);
  const { phases } = JSON.parse(text) as { phases: readonly { readonly phase: string; readonly afterMs: number }[] };
  const after = (wanted: string): number => phases.find(({ phase }) => phase === wanted)?.afterMs ?? Number.NaN;
  return after("network") - after("sandbox");
}

/** The round trip through API server, agent and engine; kubectl's own time is beside it. */
async function measureCommands(plane: ControlPlane, node: TestNode): Promise<readonly Figure[]> {
  const [through, whole]: [number[], number[]] = [[], []];
  const path = `/api/v1/nodes/${node.name}/proxy/run/${namespace}/once-0/main?cmd=true`;
  for (let i = 0; i < commands; i++) {
    const startedAt = performance.now();
    const { status, text } = await plane.call("POST", path);
    if (status !== 200) throw new Error(`a command was answered with ${status}: ${text}`);
    through.push(performance.now() - startedAt);
  }
  for (let i = 0; i < commands / 4; i++) {
    const startedAt = performance.now();
    await plane.must(["exec", "once-0", "--", "true"]);
    whole.push(performance.now() - startedAt);
  }
  return [...summarize("command in a pod", through), ...summarize("kubectl exec", whole)];
}

/**
 * A followed log from its first byte to its last. It is read raw: `kubectl logs` writes line by line, so that a hundred bytes a line
 * measure kubectl.
 */
async function measureLog(plane: ControlPlane): Promise<readonly Figure[]> {
  const wanted = logMegabytes * 1e6;
  const path = `/api/v1/namespaces/${namespace}/pods/speaker/log?follow=true`;
  const read = (): Promise<number> =>
    new Promise((resolve, reject) => {
      const kubeconfig = plane.servers[0]?.kubeconfig ?? "";
      const child = spawn("kubectl", ["--kubeconfig", kubeconfig, "get", "--raw", path], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      let [bytes, startedAt] = [0, 0];
      child.stdout.on("data", (part: Buffer) => {
        startedAt ||= performance.now();
        bytes += part.length;
        if (bytes < wanted) return;
        resolve(wanted / 1e6 / ((performance.now() - startedAt) / 1000));
        child.kill();
      });
      child.on("error", reject);
      child.on("close", () => reject(new Error(`the log ended after ${bytes} bytes`)));
    });
  const written = await read();
  const there = await read();
  return [
    { name: "logs -f while it is written", unit: "MB/s", value: written },
    { name: "logs -f of what is there", unit: "MB/s", value: there },
  ];
}

function benchPod(name: string, node: TestNode, command = ["/bin/busybox", "sleep", "3600"]): Pod {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace },
    spec: {
      nodeName: node.name,
      terminationGracePeriodSeconds: 0,
      automountServiceAccountToken: false,
      containers: [{ name: "main", image: testImage, imagePullPolicy: "Never", command }],
    },
  };
}
