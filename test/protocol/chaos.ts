// A storm over one node: pods come and go while the agent, the engine, the API and containers are killed at random. Afterwards there
// must be exactly the pods that are wanted, none restarted without a reason, and at last nothing of ours on the machine. The engine is one
// of its own.
import { execFileSync, spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { createWriteStream, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSeededRandom } from "@coxswain/clock/testing";
import { startControlPlane } from "./control-plane.ts";
import { startNode, testImage } from "./node.ts";

export interface ChaosReport {
  readonly created: number;
  readonly deleted: number;
  readonly strikes: Readonly<Record<string, number>>;
  readonly violations: readonly string[];
}

export interface ChaosOptions {
  readonly forMs: number;
  readonly seed: number;
  readonly most: number;
  readonly say: (text: string) => void;
}

const settleMs = 120_000;
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export async function runChaos(options: ChaosOptions): Promise<ChaosReport> {
  const random = createSeededRandom(options.seed);
  const pick = <T>(from: readonly T[]): T | undefined => from[random.int(Math.max(1, from.length))];
  const strikes: Record<string, number> = {};
  const violations: string[] = [];
  const wanted = new Set<string>();
  /** Pods whose containers something was done to: they may have been restarted. */
  const disturbed = new Set<string>();
  let created = 0;
  let deleted = 0;

  await using engine = await startEngine();
  await using plane = await startControlPlane();
  await plane.must(["create", "serviceaccount", "default"]);
  const flags = ["--crash-backoff-initial=1s", "--crash-backoff-max=2s"];
  const node = await startNode(plane, { socket: engine.socket, flags });
  const podPath = "/api/v1/namespaces/default/pods";

  const create = async (): Promise<void> => {
    const name = `storm-${created++}`;
    const command = ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.2; done"];
    const mounts = { volumeMounts: [{ name: "data", mountPath: "/data" }] };
    const spec = {
      nodeName: node.name,
      automountServiceAccountToken: false,
      terminationGracePeriodSeconds: 1,
      volumes: [{ name: "data", emptyDir: { medium: random.int(2) === 0 ? "Memory" : "" } }],
      containers: [{ name: "main", image: testImage, command, ...mounts }],
    };
    const body = { apiVersion: "v1", kind: "Pod", metadata: { name }, spec };
    const answer = await plane.call("POST", podPath, { body });
    if (answer.status === 201) wanted.add(name);
  };
  const remove = async (name: string | undefined): Promise<void> => {
    if (name === undefined) return;
    const answer = await plane.call("DELETE", `${podPath}/${name}`);
    if (answer.status !== 200 && answer.status !== 202) return;
    wanted.delete(name);
    deleted++;
  };
  const docker = (words: readonly string[]): string => node.docker(words);
  const names = (what: "sandbox" | "container"): readonly string[] => {
    const format = '{{.ID}} {{.Label "io.kubernetes.pod.name"}}';
    return docker(["ps", "--filter", `label=coxswain.io/kind=${what}`, "--format", format])
      .split("\n")
      .filter((line) => line !== "");
  };
  const strike = (what: "sandbox" | "container", words: readonly string[]): void => {
    const [id, pod] = pick(names(what))?.split(" ") ?? [];
    if (id === undefined || pod === undefined) return;
    disturbed.add(pod);
    docker([...words, id]);
  };
  const faults: Readonly<Record<string, () => Promise<void> | void>> = {
    "container killed": () => strike("container", ["kill"]),
    "container removed": () => strike("container", ["rm", "-f"]),
    "sandbox removed": () => strike("sandbox", ["rm", "-f"]),
    "agent killed": async () => {
      await node.stop("SIGKILL");
      await node.start();
    },
    "engine killed": async () => {
      for (const name of wanted) disturbed.add(name);
      await engine.kill();
      await sleep(random.int(1_000));
      await engine.start();
    },
    "API killed": async () => {
      await plane.servers[0]?.stop("SIGKILL");
      await sleep(random.int(2_000));
      await plane.servers[0]?.restart();
    },
  };

  const deadline = performance.now() + options.forMs;
  while (performance.now() < deadline) {
    const turn = random.int(10);
    try {
      if (turn < 4 && wanted.size < options.most) await create();
      else if (turn < 6) await remove(pick([...wanted]));
      else {
        const [name, fault] = pick(Object.entries(faults)) ?? [];
        if (name === undefined || fault === undefined) continue;
        await fault();
        strikes[name] = (strikes[name] ?? 0) + 1;
        options.say(name);
      }
    } catch (error) {
      // A container may be gone before it is struck, an answer lost with its server.
      options.say(`(${error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error)})`);
    }
    await sleep(random.int(700));
  }

  /** What is not as it should be at this moment. */
  const wrong = async (): Promise<readonly string[]> => {
    const { status, text } = await plane.call("GET", podPath);
    if (status !== 200) return [`the API answers ${status}`];
    const { items } = JSON.parse(text) as { readonly items: readonly StormPod[] };
    const there = items.map(({ metadata }) => metadata.name).toSorted();
    // Whether a lost answer had made a pod is told by the API alone.
    for (const { metadata } of items) if (!metadata.deletionTimestamp) wanted.add(metadata.name);
    const unready = items.filter(
      (pod) => !pod.status.conditions?.some(({ type, status: is }) => type === "Ready" && is === "True"),
    );
    const running = (what: "sandbox" | "container"): string =>
      names(what)
        .map((line) => line.split(" ")[1] ?? "")
        .toSorted()
        .join(" ");
    return [
      ...unready.map(({ metadata }) => `${metadata.name} is not ready`),
      ...(["sandbox", "container"] as const).flatMap((what) =>
        running(what) === there.join(" ") ? [] : [`${what}s of [${running(what)}] run, wanted [${there.join(" ")}]`],
      ),
      ...items
        .filter(
          ({ metadata, status: now }) =>
            !disturbed.has(metadata.name) && (now.containerStatuses?.[0]?.restartCount ?? 0) > 0,
        )
        .map(({ metadata }) => `${metadata.name} was restarted without a reason`),
    ];
  };
  const settled = async (look: () => Promise<readonly string[]>): Promise<void> => {
    const until = performance.now() + settleMs;
    let last: readonly string[] = [];
    do {
      last = await look().catch((error: unknown) => [String(error)]);
      if (last.length === 0) return;
      await sleep(500);
    } while (performance.now() < until);
    violations.push(...last);
  };
  await settled(wrong);
  for (const name of wanted) await plane.call("DELETE", `${podPath}/${name}`);
  await settled(async () => {
    const left = docker(["ps", "-aq"])
      .split("\n")
      .filter((id) => id !== "");
    const directories = readdirSync(join(node.rootDir, "pods"));
    return [
      ...left.map((id) => `container ${id} is left`),
      ...directories.map((uid) => `files of pod ${uid} are left`),
    ];
  });
  if (violations.length > 0) options.say(node.log().slice(-20_000));
  await node[Symbol.asyncDispose]();
  const mounts = readFileSync("/proc/mounts", "utf8")
    .split("\n")
    .filter((line) => line.includes(node.rootDir));
  violations.push(...mounts.map((line) => `mounted still: ${line}`));
  const links = execFileSync("ip", ["-o", "link"]).toString();
  if (links.includes(node.bridge)) violations.push(`the bridge ${node.bridge} is left`);
  return { created, deleted, strikes, violations };
}

interface StormPod {
  readonly metadata: { readonly name: string; readonly deletionTimestamp?: string };
  readonly status: {
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
    readonly containerStatuses?: readonly { readonly restartCount: number }[];
  };
}

interface StormEngine extends AsyncDisposable {
  readonly socket: string;
  start(): Promise<void>;
  kill(): Promise<void>;
}

async function startEngine(): Promise<StormEngine> {
  const dir = mkdtempSync(join(tmpdir(), "coxswain-engine-"));
  const socket = join(dir, "docker.sock");
  mkdirSync(join(dir, "run"));
  let child: ChildProcess | undefined;
  const ask = (words: readonly string[]): boolean => {
    try {
      execFileSync("docker", ["-H", `unix://${socket}`, ...words], { stdio: "ignore" });
      return true;
    } catch {
      return false;
    }
  };
  const end = (signal: NodeJS.Signals): Promise<void> =>
    new Promise((resolve) => {
      if (!child || child.exitCode !== null || child.signalCode !== null) return resolve();
      child.once("exit", () => resolve());
      child.kill(signal);
    });
  const start = async (): Promise<void> => {
    // A killed engine's processes wait as zombies where the first process reaps nobody, and would be taken for living ones.
    for (const pid of ["docker.pid", "run/containerd/containerd.pid"]) rmSync(join(dir, pid), { force: true });
    const places = [
      `--data-root=${join(dir, "data")}`,
      `--exec-root=${join(dir, "run")}`,
      `--pidfile=${join(dir, "docker.pid")}`,
    ];
    child = spawn(
      "dockerd",
      [`--host=unix://${socket}`, ...places, "--bridge=none", "--iptables=false", "--ip6tables=false"],
      {
        stdio: ["ignore", "pipe", "pipe"],
      },
    );
    const log = createWriteStream(join(dir, "dockerd.log"), { flags: "a" });
    child.stdout?.pipe(log, { end: false });
    child.stderr?.pipe(log, { end: false });
    const deadline = performance.now() + 60_000;
    while (!ask(["version"])) {
      if (performance.now() > deadline) throw new Error(readFileSync(join(dir, "dockerd.log"), "utf8").slice(-2_000));
      await sleep(100);
    }
  };
  await start();
  const archive = join(dir, "images.tar");
  execFileSync("docker", ["save", testImage, "coxswain/pause:1", "-o", archive]);
  if (!ask(["load", "-i", archive])) throw new Error("the engine does not take the images");
  return {
    socket,
    start,
    kill: () => end("SIGKILL"),
    async [Symbol.asyncDispose]() {
      await end("SIGTERM");
      // Its file systems are unmounted by itself when it ends well.
      for (const line of readFileSync("/proc/mounts", "utf8").split("\n").toReversed()) {
        const point = line.split(" ")[1] ?? "";
        if (point.startsWith(`${dir}/`)) execFileSync("umount", ["-l", point], { stdio: "ignore" });
      }
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
