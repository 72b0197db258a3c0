// NodeAffinity: the node selector and the required terms say where a pod may run, the preferred terms where it would like
// to. The profile may add terms of its own to every pod (`addedAffinity`).
import type { DeepReadonly } from "@coxswain/apimachinery";
import type { NodeAffinity, NodeSelector, PreferredSchedulingTerm } from "@coxswain/api/core/v1";
import { definePlugin, normalizeToBest, unsuitable } from "../plugin.ts";
import type { Plugin } from "../plugin.ts";
import { matchesNodeSelector, matchesTerm, namedNodes } from "../node-selector.ts";
import { matchesRequired, requiredAffinity } from "../required-affinity.ts";
import type { PodView } from "../resources.ts";

interface Prepared {
  readonly pod: PodView;
  readonly required: DeepReadonly<NodeSelector> | undefined;
  readonly preferred: readonly DeepReadonly<PreferredSchedulingTerm>[];
}

export interface NodeAffinityArgs {
  readonly addedAffinity?: NodeAffinity;
}

const mismatch = unsuitable("node(s) didn't match Pod's node affinity/selector");
const enforced = unsuitable("node(s) didn't match scheduler-enforced node affinity");

export function nodeAffinity({ addedAffinity }: NodeAffinityArgs): Plugin {
  const added = addedAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  const wished = addedAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
  return definePlugin<Prepared>({
    name: "NodeAffinity",
    scope: "node",
    prepare: (pod) => ({
      pod,
      required: requiredAffinity(pod),
      preferred: [
        ...wished,
        ...(pod.spec?.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []),
      ],
    }),
    restrict: ({ required }) => (required === undefined ? undefined : namedNodes(required)),
    filters: ({ pod, required }) =>
      added !== undefined || required !== undefined || pod.spec?.nodeSelector !== undefined,
    filter: ({ pod }, { node }) => {
      if (node === undefined) return mismatch;
      if (added !== undefined && !matchesNodeSelector(added, node)) return enforced;
      return matchesRequired(pod, node) ? undefined : mismatch;
    },
    scores: ({ preferred }) => preferred.length > 0,
    score: ({ preferred }, { node }) => {
      let score = 0;
      if (node === undefined) return score;
      for (const { weight, preference } of preferred) if (matchesTerm(preference, node)) score += weight;
      return score;
    },
    normalize: (scores, count) => normalizeToBest(scores, count, false),
    explain: ({ pod }, { node }) => {
      if (added !== undefined && node !== undefined && !matchesNodeSelector(added, node))
        return "the scheduler's profile keeps pods off this node (addedAffinity)";
      const missing = Object.entries(pod.spec?.nodeSelector ?? {}).find(
        ([key, value]) => node?.metadata.labels?.[key] !== value,
      );
      if (missing === undefined) return "no term of its required node affinity matches the node's labels";
      const [key, value] = missing;
      return `the pod selects ${key}=${value}, the node has ${key}=${node?.metadata.labels?.[key] ?? "(absent)"}`;
    },
    wakes: {
      "node-added": ({ node }, pod) => matchesRequired(pod, node),
      "node-updated": ({ old, node }, pod) => !matchesRequired(pod, old) && matchesRequired(pod, node),
    },
  });
}
