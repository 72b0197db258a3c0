// NodeUnschedulable: cordoned nodes take no pods, except those that tolerate exactly that.
import { definePlugin } from "../plugin.ts";
import { tolerates } from "./toleration.ts";

const taint = { key: "node.kubernetes.io/unschedulable", effect: "NoSchedule" } as const;

export const nodeUnschedulable = definePlugin({
  name: "NodeUnschedulable",
  weight: 0,
  prepare: (pod) => (pod.spec?.tolerations ?? []).some((toleration) => tolerates(toleration, taint)),
  filter: (tolerated, { node }) =>
    node?.spec?.unschedulable === true && !tolerated ? ["node(s) were unschedulable"] : undefined,
  explain: () => "it is cordoned (spec.unschedulable)",
  wakes: (event) =>
    event.type === "node-added" ||
    (event.type === "node-updated" &&
      event.old.spec?.unschedulable === true &&
      event.node.spec?.unschedulable !== true),
});
