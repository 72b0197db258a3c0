// NodeName: a pod that asks for a node by name runs there or nowhere. (Pods that name their node before they are scheduled
// never come here; the rule keeps the framework's promise for those that do.)
import { definePlugin } from "../plugin.ts";

export const nodeName = definePlugin({
  name: "NodeName",
  weight: 0,
  prepare: (pod) => pod.spec?.nodeName ?? "",
  filter: (wanted, { name }) =>
    wanted !== "" && wanted !== name ? ["node(s) didn't match the requested node name"] : undefined,
  explain: (wanted, { name }) => `the pod asks for ${wanted}, this is ${name}`,
  wakes: (event) => event.type === "node-added",
});
