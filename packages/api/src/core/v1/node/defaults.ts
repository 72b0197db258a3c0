/** Defaults of nodes: all that is there may be used, and the two forms of the pod range agree. */
import type { Node } from "../types.ts";
import { fill } from "../../../fill.ts";
import { roundResources } from "../resource-list.ts";

export function defaultNode(node: Node): void {
  roundResources(node.status, ["capacity", "allocatable"]);
  if (node.status?.capacity !== undefined) fill(node.status, { allocatable: { ...node.status.capacity } });
  const { spec } = node;
  if (spec === undefined) return;
  // Where the two differ, the older one counts: whoever writes it may not know the other.
  if (spec.podCIDR && spec.podCIDR !== spec.podCIDRs?.[0]) spec.podCIDRs = [spec.podCIDR];
  if (spec.podCIDRs?.[0] !== undefined) spec.podCIDR = spec.podCIDRs[0];
}
