// NodeAffinity: the node selector and the required terms say where a pod may run, the preferred terms where it would like
// to. Terms are alternatives; the requirements of a term hold together.
import type { DeepReadonly } from "@coxswain/apimachinery";
import type { NodeSelectorRequirement, NodeSelectorTerm } from "@coxswain/api/core/v1";
import { definePlugin, normalizeToBest } from "../plugin.ts";
import type { NodeView, PodView } from "../resources.ts";

type Requirement = DeepReadonly<NodeSelectorRequirement>;
type Term = DeepReadonly<NodeSelectorTerm>;

export const nodeAffinity = definePlugin<PodView>({
  name: "NodeAffinity",
  weight: 2,
  prepare: (pod) => pod,
  filter: (pod, { node }) =>
    node !== undefined && matchesRequired(pod, node)
      ? undefined
      : ["node(s) didn't match Pod's node affinity/selector"],
  score: (pod, { node }) => {
    let score = 0;
    for (const { weight, preference } of pod.spec?.affinity?.nodeAffinity
      ?.preferredDuringSchedulingIgnoredDuringExecution ?? []) {
      if (node !== undefined && matchesTerm(preference, node)) score += weight;
    }
    return score;
  },
  normalize: (scores) => normalizeToBest(scores, false),
  explain: (pod, { node }) => {
    const missing = Object.entries(pod.spec?.nodeSelector ?? {}).find(
      ([key, value]) => node?.metadata.labels?.[key] !== value,
    );
    if (missing === undefined) return "no term of its required node affinity matches the node's labels";
    const [key, value] = missing;
    return `the pod selects ${key}=${value}, the node has ${key}=${node?.metadata.labels?.[key] ?? "(absent)"}`;
  },
  wakes: (event, pod) =>
    (event.type === "node-added" && matchesRequired(pod, event.node)) ||
    (event.type === "node-updated" && !matchesRequired(pod, event.old) && matchesRequired(pod, event.node)),
});

/** Whether the node is one of those the pod restricts itself to. */
export function matchesRequired(pod: PodView, node: NodeView): boolean {
  for (const [key, value] of Object.entries(pod.spec?.nodeSelector ?? {}))
    if (node.metadata.labels?.[key] !== value) return false;
  const required = pod.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  return required === undefined || required.nodeSelectorTerms.some((term) => matchesTerm(term, node));
}

/** A term without any requirement matches nothing. */
function matchesTerm({ matchExpressions = [], matchFields = [] }: Term, node: NodeView): boolean {
  if (matchExpressions.length === 0 && matchFields.length === 0) return false;
  return (
    matchExpressions.every((requirement) => meets(requirement, node.metadata.labels?.[requirement.key])) &&
    matchFields.every((requirement) => requirement.key === "metadata.name" && meets(requirement, node.metadata.name))
  );
}

function meets({ operator, values = [] }: Requirement, found: string | undefined): boolean {
  switch (operator) {
    case "In":
      return found !== undefined && values.includes(found);
    case "NotIn":
      return found === undefined || !values.includes(found);
    case "Exists":
      return found !== undefined;
    case "DoesNotExist":
      return found === undefined;
    case "Gt":
    case "Lt": {
      const [limit] = values;
      if (found === undefined || limit === undefined || !/^-?\d+$/.test(found) || !/^-?\d+$/.test(limit)) return false;
      return operator === "Gt" ? BigInt(found) > BigInt(limit) : BigInt(found) < BigInt(limit);
    }
    default:
      return false;
  }
}
