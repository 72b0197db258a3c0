// What an extender is asked, what it answers, and what that means: nodes it turns down, scores it adds, victims it would spare.
// The transport is elsewhere.
import type { Verdict } from "./evaluation.ts";
import type { ExtenderConfiguration } from "./configuration/types.ts";
import type { NodeState } from "./node-state.ts";
import { highestScore, unfit, unsuitable } from "./plugin.ts";
import { candidateOf } from "./preemption/victims.ts";
import type { Candidate } from "./preemption/victims.ts";
import type { PodView } from "./resources.ts";

/** Whatever the extender sent; read with care. */
export type ExtenderAnswer = unknown;

export interface Extender {
  readonly config: ExtenderConfiguration;
  /** Throws when it does not answer in time, or not with 200. */
  ask(verb: string, body: unknown, signal: AbortSignal): Promise<ExtenderAnswer>;
}

/** Stands where the name of a rule stands, for what extenders turned down. */
export const extenders = "extenders";

/** An extender scores from 0 to 10. */
const highestExtenderScore = 10;

export function concerns({ managedResources }: ExtenderConfiguration, pod: PodView): boolean {
  if (managedResources.length === 0) return true;
  const containers = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])];
  return containers.some(({ resources }) =>
    managedResources.some(
      ({ name }) => resources?.requests?.[name] !== undefined || resources?.limits?.[name] !== undefined,
    ),
  );
}

export function nodeArgs(config: ExtenderConfiguration, pod: PodView, nodes: readonly NodeState[]): unknown {
  return config.nodeCacheCapable
    ? { Pod: pod, NodeNames: nodes.map(({ name }) => name), Nodes: null }
    : {
        Pod: pod,
        Nodes: { apiVersion: "v1", kind: "NodeList", metadata: {}, items: nodes.map(({ node }) => node) },
        NodeNames: null,
      };
}

export interface ExtenderFilter {
  readonly feasible: readonly NodeState[];
  readonly rejected: readonly Verdict[];
}

/** Throws what the extender says went wrong. */
export function readFilter(
  answer: ExtenderAnswer,
  asked: readonly NodeState[],
  config: ExtenderConfiguration,
): ExtenderFilter {
  const result = record(answer);
  const error = member(result, "Error");
  if (typeof error === "string" && error !== "") throw new Error(error);
  const names = new Set(
    config.nodeCacheCapable && Array.isArray(member(result, "NodeNames"))
      ? (member(result, "NodeNames") as unknown[]).map(String)
      : namesOf(member(result, "Nodes")),
  );
  const failed = record(member(result, "FailedNodes"));
  const hopeless = record(member(result, "FailedAndUnresolvableNodes"));
  const rejected: Verdict[] = [];
  const feasible = asked.filter(({ name }) => names.has(name));
  for (const { name, slot } of asked) {
    if (names.has(name)) continue;
    const reason = String(hopeless[name] ?? failed[name] ?? "node(s) were turned down by an extender");
    const rejection = hopeless[name] === undefined ? unfit(reason) : unsuitable(reason);
    rejected.push({
      node: name,
      slot,
      plugin: undefined,
      rejection,
      detail: `the extender at ${config.urlPrefix} says so`,
    });
  }
  return { feasible, rejected };
}

/** Adds what an extender thinks of the nodes to `sums`, weighted and brought to the scale of the plugins. */
export function addScores(
  answer: ExtenderAnswer,
  nodes: readonly NodeState[],
  { weight }: ExtenderConfiguration,
  sums: Float64Array,
): void {
  if (!Array.isArray(answer)) throw new Error("the extender's priorities are no list");
  const scores = new Map(
    answer.map((one) => [String(member(record(one), "Host")), Number(member(record(one), "Score")) || 0]),
  );
  nodes.forEach(({ name }, index) => {
    sums[index] = (sums[index] ?? 0) + (scores.get(name) ?? 0) * weight * (highestScore / highestExtenderScore);
  });
}

export function preemptArgs(config: ExtenderConfiguration, pod: PodView, candidates: readonly Candidate[]): unknown {
  const entries = candidates.map(({ node, victims, violations }) => [
    node.name,
    {
      Pods: victims.map(({ pod: victim }) => (config.nodeCacheCapable ? { UID: victim.metadata.uid } : victim)),
      NumPDBViolations: violations,
    },
  ]);
  return {
    Pod: pod,
    [config.nodeCacheCapable ? "NodeNameToMetaVictims" : "NodeNameToVictims"]: Object.fromEntries(entries),
  };
}

/** The candidates that the extender leaves, with the victims that it leaves. */
export function readPreemption(answer: ExtenderAnswer, candidates: readonly Candidate[]): readonly Candidate[] {
  const left = record(member(record(answer), "NodeNameToMetaVictims"));
  return candidates.flatMap((candidate) => {
    const victims = left[candidate.node.name];
    if (victims === undefined || victims === null) return [];
    const pods = member(record(victims), "Pods");
    const ids = new Set(Array.isArray(pods) ? pods.map((one) => String(member(record(one), "UID"))) : []);
    const spared = candidate.victims.filter(({ pod }) => ids.has(pod.metadata.uid ?? ""));
    return [candidateOf(candidate.node, spared, Number(member(record(victims), "NumPDBViolations")) || 0)];
  });
}

export function bindArgs(pod: PodView, node: string): unknown {
  const { name, namespace, uid } = pod.metadata;
  return { PodName: name, PodNamespace: namespace, PodUID: uid, Node: node };
}

export function bindError(answer: ExtenderAnswer): string | undefined {
  const error = member(record(answer), "Error");
  return typeof error === "string" && error !== "" ? error : undefined;
}

function namesOf(list: unknown): readonly string[] {
  const items = member(record(list), "items");
  return Array.isArray(items)
    ? items.map((node) => String(member(record(member(record(node), "metadata")), "name")))
    : [];
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}

/** Go reads members in any case; extenders in the wild write both. */
function member(value: Readonly<Record<string, unknown>>, name: string): unknown {
  if (value[name] !== undefined) return value[name];
  const wanted = name.toLowerCase();
  const key = Object.keys(value).find((one) => one.toLowerCase() === wanted);
  return key === undefined ? undefined : value[key];
}
