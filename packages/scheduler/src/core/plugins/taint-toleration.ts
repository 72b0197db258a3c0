// TaintToleration: NoSchedule and NoExecute taints keep pods off that do not tolerate them; PreferNoSchedule ones count
// against the node.
import { definePlugin, normalizeToBest } from "../plugin.ts";
import type { NodeState } from "../cluster.ts";
import { tolerates } from "./toleration.ts";
import type { TaintView, TolerationView } from "./toleration.ts";

interface Prepared {
  readonly tolerations: readonly TolerationView[];
  readonly forPreferences: readonly TolerationView[];
}

export const taintToleration = definePlugin<Prepared>({
  name: "TaintToleration",
  weight: 3,
  prepare: (pod) => {
    const tolerations = pod.spec?.tolerations ?? [];
    return {
      tolerations,
      forPreferences: tolerations.filter(({ effect }) => effect === undefined || effect === "PreferNoSchedule"),
    };
  },
  filter: (prepared, node) => {
    const taint = firstUntolerated(prepared, node);
    return taint === undefined ? undefined : [`node(s) had untolerated taint {${taint.key}: ${taint.value ?? ""}}`];
  },
  score: ({ forPreferences }, { node }) =>
    (node?.spec?.taints ?? []).filter(
      (taint) =>
        taint.effect === "PreferNoSchedule" && !forPreferences.some((toleration) => tolerates(toleration, taint)),
    ).length,
  normalize: (scores) => normalizeToBest(scores, true),
  explain: (prepared, node) => {
    const taint = firstUntolerated(prepared, node);
    return `no toleration covers its taint ${taint?.key}=${taint?.value ?? ""}:${taint?.effect}`;
  },
  wakes: (event) =>
    event.type === "node-added" ||
    (event.type === "node-updated" &&
      JSON.stringify(event.old.spec?.taints) !== JSON.stringify(event.node.spec?.taints)),
});

function firstUntolerated({ tolerations }: Prepared, { node }: NodeState): TaintView | undefined {
  return node?.spec?.taints?.find(
    (taint) => taint.effect !== "PreferNoSchedule" && !tolerations.some((toleration) => tolerates(toleration, taint)),
  );
}
