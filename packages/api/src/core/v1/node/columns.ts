/** `kubectl get nodes`. */
import type { DeepReadonly } from "@coxswain/apimachinery";
import { ageOf, none, printer, type TablePrinter } from "../../../table.ts";
import type { Node } from "../types.ts";

export const nodeTable: TablePrinter<Node> = printer(
  [
    "Status",
    "Roles",
    "Age",
    "Version",
    "Internal-IP+",
    "External-IP+",
    "OS-Image+",
    "Kernel-Version+",
    "Container-Runtime+",
  ],
  (node, now) => {
    const info = node.status?.nodeInfo;
    return [
      nodeState(node),
      roles(node),
      ageOf(node, now),
      info?.kubeletVersion ?? "",
      address(node, "InternalIP"),
      address(node, "ExternalIP"),
      info?.osImage || "<unknown>",
      info?.kernelVersion || "<unknown>",
      info?.containerRuntimeVersion || "<unknown>",
    ];
  },
);

function nodeState(node: DeepReadonly<Node>): string {
  const ready = node.status?.conditions?.find(({ type }) => type === "Ready");
  const state = ready === undefined ? "Unknown" : ready.status === "True" ? "Ready" : "NotReady";
  return node.spec?.unschedulable === true ? `${state},SchedulingDisabled` : state;
}

function roles(node: DeepReadonly<Node>): string {
  const found: string[] = [];
  for (const [key, value] of Object.entries(node.metadata.labels ?? {})) {
    if (key.startsWith("node-role.kubernetes.io/") && key.length > 24) found.push(key.slice(24));
    else if (key === "kubernetes.io/role" && value !== "") found.push(value);
  }
  return found.length === 0 ? none : found.sort().join(",");
}

function address(node: DeepReadonly<Node>, type: string): string {
  return node.status?.addresses?.find((candidate) => candidate.type === type)?.address ?? none;
}
