// What every demo plays on: a namespace of its own in a running lab, kubectl, the lab's machines, and words for what pods are
// made of. A demo says what it does and throws where the cluster does not keep its word.
import { strict as assert } from "node:assert";
import type { Lab, LabMachine } from "@coxswain/lab";
import { eventually } from "../cluster.ts";
import type { TestCluster } from "../cluster.ts";

export interface Demo {
  /** The challenge in a few words. */
  readonly challenge: string;
  play(stage: Stage): Promise<void>;
}

export interface Stage {
  readonly cluster: TestCluster;
  readonly lab: Lab;
  readonly namespace: string;
  /** The machine that may lose its power, and the switch. */
  readonly power: PowerSwitch;
  say(text: string): void;
}

interface PowerSwitch {
  readonly machine: string;
  off(): Promise<void>;
  on(): Promise<void>;
}

/** Plays a demo in a namespace that is taken away after it. */
export async function perform(demo: Demo, stage: Stage): Promise<void> {
  const { cluster, namespace } = stage;
  await cluster.must(["create", "namespace", namespace]);
  try {
    await demo.play(stage);
  } finally {
    await cluster.kubectl(["delete", "namespace", namespace, "--wait=false"]);
  }
}

export interface ShownPod {
  readonly metadata: { readonly name: string; readonly deletionTimestamp?: string };
  readonly spec: { readonly nodeName?: string };
  readonly status: {
    readonly phase: string;
    readonly podIP?: string;
    readonly hostIP?: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string; readonly message?: string }[];
    readonly containerStatuses?: readonly { readonly restartCount: number; readonly containerID?: string }[];
  };
}

export function kubectl({ cluster, namespace }: Stage, args: readonly string[], input?: string): Promise<string> {
  return cluster.must(["-n", namespace, ...args], input);
}

export async function apply(stage: Stage, ...items: readonly object[]): Promise<void> {
  await kubectl(stage, ["apply", "-f", "-"], JSON.stringify({ apiVersion: "v1", kind: "List", items }));
}

export async function podsOf(stage: Stage, selector: string): Promise<readonly ShownPod[]> {
  const { items } = JSON.parse(await kubectl(stage, ["get", "pods", "-l", selector, "-o", "json"])) as {
    items: ShownPod[];
  };
  return items;
}

export const isReady = ({ status, metadata }: ShownPod): boolean =>
  metadata.deletionTimestamp === undefined &&
  status.conditions?.some(({ type, status: is }) => type === "Ready" && is === "True") === true;

/** The pods of a selector once exactly so many are there and all are ready. */
export function ready(
  stage: Stage,
  selector: string,
  count: number,
  fits: (pods: readonly ShownPod[]) => boolean = () => true,
): Promise<readonly ShownPod[]> {
  return eventually(`${count} ready pods of ${selector}`, 90_000, async () => {
    const pods = (await podsOf(stage, selector)).filter(({ metadata }) => metadata.deletionTimestamp === undefined);
    return pods.length === count && pods.every(isReady) && fits(pods) ? pods : undefined;
  });
}

/** The names of the Ready nodes, in order. */
export async function workers({ cluster }: Stage): Promise<readonly string[]> {
  const rows = (await cluster.must(["get", "nodes", "--no-headers"])).trim().split("\n");
  return rows.map((row) => row.split(/\s+/)).flatMap(([name = "", state]) => (state === "Ready" ? [name] : []));
}

/** What a shell in the pod prints. */
export function shell(stage: Stage, pod: string, script: string): Promise<string> {
  return kubectl(stage, ["exec", pod, "--", "sh", "-c", script]);
}

export async function machine({ lab }: Stage, name: string): Promise<LabMachine> {
  const found = (await lab.machines()).find((candidate) => candidate.name === name);
  assert(found, `there is no machine ${name}`);
  return found;
}

/** What a program in a lab machine prints. */
export async function inside(stage: Stage, name: string, command: string, ...args: string[]): Promise<string> {
  const child = (await machine(stage, name)).spawn(command, args, { stdio: ["ignore", "pipe", "inherit"] });
  let text = "";
  child.stdout?.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
  const code = await new Promise((resolve, reject) => child.once("close", resolve).once("error", reject));
  assert.equal(code, 0, `${command} ${args.join(" ")} on ${name}: ${text}`);
  return text;
}

/** Containers of a namespace that the machine's own engine has, by pod. */
export async function containersOn(stage: Stage, name: string): Promise<readonly string[]> {
  const { dockerSocket } = await machine(stage, name);
  const filter = [`label=io.kubernetes.pod.namespace=${stage.namespace}`, "label=io.kubernetes.container.name"].flatMap(
    (each) => ["--filter", each],
  );
  const format = '{{.Label "io.kubernetes.pod.name"}}';
  const text = await inside(stage, name, "docker", "-H", `unix://${dockerSocket}`, "ps", ...filter, "--format", format);
  return text.trim().split("\n").filter(Boolean).sort();
}
