/** Defaults of nodes: all that is there may be used, and the two forms of the pod range agree. */
import type { Node } from "../types.ts";
import { fill } from "../../../fill.ts";

export function defaultNode(node: Node): void {
  if (node.status?.capacity !== undefined) fill(node.status, { allocatable: { ...node.status.capacity } });
  const { spec } = node;
  if (spec === undefined) return;
  if (spec.podCIDR !== undefined && spec.podCIDR !== "" && spec.podCIDRs === undefined) spec.podCIDRs = [spec.podCIDR];
  if (spec.podCIDRs?.[0] !== undefined) spec.podCIDR = spec.podCIDRs[0];
}
