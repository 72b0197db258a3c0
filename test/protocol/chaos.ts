// A storm over one node: pods come and go while the agent, the engine, the API and containers are killed at random, and the agent hangs. Afterwards
// there must be exactly the pods that are wanted, none restarted without a reason, and at last nothing of ours on the machine. The engine is one of
// its own.
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createSeededRandom } from "@coxswain/clock/testing";
import { startControlPlane } from "./control-plane.ts";
import { startNode, testImage } from "./node.ts";
import { startStormEngine } from "./storm-engine.ts";

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
  /** Whether the agent hangs, too; each time takes half a minute. */
  readonly mayHang: boolean;
  readonly say: (text: string) => void;
}

const settleMs = 120_000;
/** Nothing that is done here takes so long; what does has no verdict. */
const faultMs = 300_000;
const fenceAfterMs = 10_000;
/** The sentry waits a second for the agent, looks every five, and gives two to end in; the rest is for a busy machine. */
const sentryMs = 20_000;
/** So long after a strike nobody is at work on the pod any more. */
const quietMs = 15_000;
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export async function runChaos(options: ChaosOptions): Promise<ChaosReport> {
  const random = createSeededRandom(options.seed);
  const pick = <T>(from: readonly T[]): T | undefined => from[random.int(Math.max(1, from.length))];
  const strikes: Record<string, number> = {};
  const violations: string[] = [];
  const wanted = new Set<string>();
  /** Pods whose containers something was done to: they may have been restarted. */
  const disturbed = new Set<string>();
  /** When something was last done to what belongs to the pod: the agent and the engine may be at work on it for a while. */
  const struckAt = new Map<string, number>();
  /** Pods that end by themselves when the node's lease is not renewed for a while. */
  const fenced = new Set<string>();
  let created = 0;
  let deleted = 0;

  await using engine = await startStormEngine(options.say);
  await using plane = await startControlPlane();
  await using cleared = new AsyncDisposableStack();
  await plane.must(["create", "serviceaccount", "default"]);
  const flags = [
    ...["--crash-backoff-initial=1s", "--crash-backoff-max=2s"],
    ...["--node-lease-duration-seconds=16", `--fence-after=${fenceAfterMs / 1000}s`],
  ];
  const node = cleared.use(await startNode(plane, { socket: engine.socket, flags }));
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
    const isFenced = options.mayHang && random.int(3) === 0;
    const annotations = isFenced ? { "coxswain.io/fencing": "true" } : {};
    const body = { apiVersion: "v1", kind: "Pod", metadata: { name, annotations }, spec };
    if (isFenced) fenced.add(name);
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
    struckAt.set(pod, performance.now());
    docker([...words, id]);
  };
  /** An agent that hangs ends nothing: fenced pods must end without it, and all others go on. */
  const hang = async (): Promise<void> => {
    const podOf = (line: string): string => line.split(" ")[1] ?? "";
    for (const name of fenced) disturbed.add(name);
    process.kill(node.pid(), "SIGSTOP");
    try {
      const isQuiet = (pod: string): boolean => performance.now() - (struckAt.get(pod) ?? -quietMs) >= quietMs;
      const others = names("container").filter(
        (line) => wanted.has(podOf(line)) && !fenced.has(podOf(line)) && isQuiet(podOf(line)),
      );
      const until = performance.now() + fenceAfterMs + sentryMs;
      let now: readonly string[];
      do {
        await sleep(500);
        now = names("container");
      } while (now.some((line) => fenced.has(podOf(line))) && performance.now() < until);
      violations.push(
        ...now.filter((line) => fenced.has(podOf(line))).map((line) => `${line} runs though it is fenced`),
        ...others.filter((line) => !now.includes(line)).map((line) => `${line} ended while the agent hung`),
      );
    } finally {
      process.kill(node.pid(), "SIGCONT");
    }
  };
  const faults: Readonly<Record<string, () => Promise<void> | void>> = {
    "container killed": () => strike("container", ["kill"]),
    "container removed": () => strike("container", ["rm", "-f"]),
    "sandbox removed": () => strike("sandbox", ["rm", "-f"]),
    "agent killed": async () => {
      for (const name of fenced) disturbed.add(name);
      await node.stop("SIGKILL");
      await node.start();
    },
    "engine killed": async () => {
      for (const name of wanted) disturbed.add(name);
      await engine.kill();
      await sleep(random.int(1_000));
      await engine.start();
      for (const name of wanted) struckAt.set(name, performance.now());
    },
    "API killed": async () => {
      for (const name of fenced) disturbed.add(name);
      await plane.servers[0]?.stop("SIGKILL");
      await sleep(random.int(2_000));
      await plane.servers[0]?.restart();
    },
    ...(options.mayHang ? { "agent hung": hang } : {}),
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
        await inTime(name, fault);
        strikes[name] = (strikes[name] ?? 0) + 1;
        options.say(name);
      }
    } catch (error) {
      if (error instanceof Undecided) throw error;
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
  await cleared.disposeAsync();
  const mounts = readFileSync("/proc/mounts", "utf8")
    .split("\n")
    .filter((line) => line.includes(node.rootDir));
  violations.push(...mounts.map((line) => `mounted still: ${line}`));
  const links = execFileSync("ip", ["-o", "link"]).toString();
  if (links.includes(node.bridge)) violations.push(`the bridge ${node.bridge} is left`);
  return { created, deleted, strikes, violations };
}

/** Rejects with an error that ends the storm when the fault takes for ever. */
async function inTime(name: string, fault: () => Promise<void> | void): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Undecided(`"${name}" took over ${faultMs / 1000} s`)), faultMs);
  });
  try {
    await Promise.race([fault(), late]);
  } finally {
    clearTimeout(timer);
  }
}

class Undecided extends Error {}

interface StormPod {
  readonly metadata: { readonly name: string; readonly deletionTimestamp?: string };
  readonly status: {
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
    readonly containerStatuses?: readonly { readonly restartCount: number }[];
  };
}
