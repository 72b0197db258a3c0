// TaintToleration: NoSchedule and NoExecute taints keep pods off that do not tolerate them; PreferNoSchedule ones count
// against the node.
import { definePlugin, normalizeToBest, unsuitable } from "../plugin.ts";
import { sameTaints } from "../node-layout.ts";
import type { NodeView, PodView } from "../resources.ts";
import { tolerates } from "../toleration.ts";
import type { TaintView, TolerationView } from "../toleration.ts";

interface Prepared {
  readonly tolerations: readonly TolerationView[];
  readonly forPreferences: readonly TolerationView[];
}

export const taintToleration = definePlugin<Prepared>({
  name: "TaintToleration",
  scope: "node",
  prepare: (pod) => {
    const tolerations = pod.spec?.tolerations ?? [];
    return {
      tolerations,
      forPreferences: tolerations.filter(
        ({ effect }) => effect === undefined || String(effect) === "" || effect === "PreferNoSchedule",
      ),
    };
  },
  filter: ({ tolerations }, { node }) => {
    const taint = firstUntolerated(tolerations, node);
    return taint === undefined
      ? undefined
      : unsuitable(`node(s) had untolerated taint {${taint.key}: ${taint.value ?? ""}}`);
  },
  score: ({ forPreferences }, { node }) => {
    let count = 0;
    for (const taint of node?.spec?.taints ?? [])
      if (taint.effect === "PreferNoSchedule" && !forPreferences.some((toleration) => tolerates(toleration, taint)))
        count++;
    return count;
  },
  normalize: (scores, count) => normalizeToBest(scores, count, true),
  explain: ({ tolerations }, { node }) => {
    const taint = firstUntolerated(tolerations, node);
    return `no toleration covers its taint ${taint?.key}=${taint?.value ?? ""}:${taint?.effect}`;
  },
  wakes: {
    "node-added": ({ node }, pod) => toleratesAll(pod, node),
    "node-updated": ({ old, node }, pod) => !sameTaints(old, node) && toleratesAll(pod, node),
  },
});

function toleratesAll(pod: PodView, node: NodeView): boolean {
  return firstUntolerated(pod.spec?.tolerations ?? [], node) === undefined;
}

function firstUntolerated(tolerations: readonly TolerationView[], node: NodeView | undefined): TaintView | undefined {
  const taints = node?.spec?.taints;
  if (taints === undefined) return undefined;
  for (const taint of taints)
    if (taint.effect !== "PreferNoSchedule" && !tolerations.some((toleration) => tolerates(toleration, taint)))
      return taint;
  return undefined;
}
