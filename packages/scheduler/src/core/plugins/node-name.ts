// NodeName: a pod that asks for a node by name runs there or nowhere. (Pods that name their node before they are scheduled
// never come here; the rule keeps the framework's promise for those that do.)
import { definePlugin, unsuitable } from "../plugin.ts";

const rejection = unsuitable("node(s) didn't match the requested node name");

export const nodeName = definePlugin({
  name: "NodeName",
  scope: "node",
  prepare: (pod) => pod.spec?.nodeName ?? "",
  filters: (wanted) => wanted !== "",
  filter: (wanted, { name }) => (wanted === name ? undefined : rejection),
  explain: (wanted, { name }) => `the pod asks for ${wanted}, this is ${name}`,
  wakes: { "node-added": ({ node }, pod) => node.metadata.name === pod.spec?.nodeName },
});
