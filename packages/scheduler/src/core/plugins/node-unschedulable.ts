// NodeUnschedulable: cordoned nodes take no pods, except those that tolerate exactly that.
import { definePlugin, unsuitable } from "../plugin.ts";
import { tolerates } from "../toleration.ts";

const taint = { key: "node.kubernetes.io/unschedulable", effect: "NoSchedule" } as const;
const rejection = unsuitable("node(s) were unschedulable");

export const nodeUnschedulable = definePlugin({
  name: "NodeUnschedulable",
  scope: "node",
  prepare: (pod) => (pod.spec?.tolerations ?? []).some((toleration) => tolerates(toleration, taint)),
  filters: (tolerated) => !tolerated,
  filter: (_tolerated, { node }) => (node?.spec?.unschedulable === true ? rejection : undefined),
  explain: () => "it is cordoned (spec.unschedulable)",
  wakes: {
    "node-added": ({ node }) => node.spec?.unschedulable !== true,
    "node-updated": ({ old, node }) => old.spec?.unschedulable === true && node.spec?.unschedulable !== true,
  },
});
