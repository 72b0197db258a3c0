// Nodes: unlike elsewhere the status given on create stays, since a node agent registers with it.
import type { Strategy } from "../../strategy.ts";
import { textOf } from "../../strategy.ts";

export const nodeStrategy: Strategy = {
  fieldNames: ["spec.unschedulable"],
  fields: (node) => ({ "spec.unschedulable": textOf(node, "spec", "unschedulable") || "false" }),
};
