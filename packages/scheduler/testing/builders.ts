// Short ways to say nodes, pods and clusters in tests of the scheduler.
import { objectKey } from "@coxswain/apimachinery";
import { ClusterState } from "../src/core/cluster.ts";
import { chooseNode, filterNodes } from "../src/core/cycle.ts";
import { createEvaluations } from "../src/core/evaluation.ts";
import type { DecisionRecord } from "../src/core/explain.ts";
import { defaultProfile } from "../src/core/profile.ts";
import type { Profile } from "../src/core/profile.ts";
import type { NodeView, PodView } from "../src/core/resources.ts";

export type NodeParts = {
  readonly cpu?: string;
  readonly memory?: string;
  readonly pods?: string;
  readonly labels?: Record<string, string>;
  readonly spec?: NodeView["spec"];
};

export function node(
  name: string,
  { cpu = "4", memory = "8Gi", pods = "110", labels = {}, spec = {} }: NodeParts = {},
): NodeView {
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: { name, labels: { "kubernetes.io/hostname": name, ...labels } },
    spec,
    status: { allocatable: { cpu, memory, pods } },
  };
}

export type SpecParts = Partial<NonNullable<PodView["spec"]>>;

export function pod(
  name: string,
  requests: Record<string, string> = {},
  spec: SpecParts = {},
  labels: Record<string, string> = {},
): PodView {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace: "default", uid: name, labels },
    spec: { containers: [{ name: "main", image: "web", resources: { requests } }], ...spec },
  };
}

export function cluster(nodes: readonly NodeView[], placed: readonly PodView[] = []): ClusterState {
  const state = new ClusterState();
  for (const one of nodes) state.setNode(one);
  for (const one of placed) state.setPod(one);
  return state;
}

/** One turn of a pod, without what follows. */
export function decide(state: ClusterState, asked: PodView, profile: Profile = defaultProfile()): DecisionRecord {
  const evaluation = createEvaluations(state).of(asked, profile);
  const key = objectKey(asked);
  const filtered = filterNodes({ evaluation, key, cluster: state, startAt: 0 });
  const choice = filtered.feasible.length === 0 ? undefined : chooseNode(evaluation, filtered.feasible, () => 0);
  return {
    pod: key,
    uid: asked.metadata.uid ?? "",
    time: "",
    profile: profile.schedulerName,
    attempt: 1,
    filtered,
    node: choice?.node.name,
    table: choice?.table,
    preemption: undefined,
  };
}
