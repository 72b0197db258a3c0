// NodeResourcesFit: the node must have free what the pod asks for, and room for one pod more. Among those that do, the one
// with the most left is better (Kubernetes' LeastAllocated, CPU and memory alike).
import { definePlugin, highestScore } from "../plugin.ts";
import type { NodeState } from "../cluster.ts";
import { nodeAllocatable, podRequests, podRequestsForScoring } from "../resources.ts";
import type { Amounts, NodeView, PodView } from "../resources.ts";

interface Prepared {
  readonly requests: Amounts;
  readonly scoringRequests: Amounts;
}

const scored = ["cpu", "memory"] as const;

export const nodeResourcesFit = definePlugin<Prepared>({
  name: "NodeResourcesFit",
  weight: 1,
  prepare: (pod) => ({ requests: podRequests(pod), scoringRequests: podRequestsForScoring(pod) }),
  filter: ({ requests }, node) => {
    let reasons: string[] | undefined;
    if (node.pods.size + 1 > (node.allocatable.get("pods") ?? 0)) reasons = ["Too many pods"];
    for (const [name, amount] of requests) {
      if (amount > 0 && amount > free(node, name)) (reasons ??= []).push(`Insufficient ${name}`);
    }
    return reasons;
  },
  score: ({ scoringRequests }, node) => {
    let sum = 0;
    let counted = 0;
    for (const name of scored) {
      const allocatable = node.allocatable.get(name) ?? 0;
      if (allocatable === 0) continue;
      const taken = (node.scoringRequested.get(name) ?? 0) + (scoringRequests.get(name) ?? 0);
      sum += taken > allocatable ? 0 : Math.floor(((allocatable - taken) * highestScore) / allocatable);
      counted++;
    }
    return counted === 0 ? 0 : Math.floor(sum / counted);
  },
  explain: ({ requests }, node) => {
    const clauses = [...requests]
      .filter(([name, amount]) => amount > 0 && amount > free(node, name))
      .map(
        ([name, amount]) =>
          `${name}: asked ${show(name, amount)}, free ${show(name, free(node, name))} of ${show(name, node.allocatable.get(name) ?? 0)}`,
      );
    if (node.pods.size + 1 > (node.allocatable.get("pods") ?? 0))
      clauses.unshift(`pods: ${node.pods.size} of ${node.allocatable.get("pods") ?? 0}`);
    return clauses.join("; ");
  },
  wakes: (event, pod) => {
    if (event.type === "pod-gone") return true;
    if (event.type === "node-added") return couldFit(pod, event.node);
    return event.type === "node-updated" && grew(event.old, event.node) && couldFit(pod, event.node);
  },
});

function free(node: NodeState, name: string): number {
  return (node.allocatable.get(name) ?? 0) - (node.requested.get(name) ?? 0);
}

function couldFit(pod: PodView, node: NodeView): boolean {
  const allocatable = nodeAllocatable(node);
  return [...podRequests(pod)].every(([name, amount]) => amount <= (allocatable.get(name) ?? 0));
}

function grew(old: NodeView, node: NodeView): boolean {
  const [before, after] = [nodeAllocatable(old), nodeAllocatable(node)];
  return [...after].some(([name, amount]) => amount > (before.get(name) ?? 0));
}

function show(name: string, amount: number): string {
  if (name === "cpu") return `${amount}m`;
  return name === "memory" || name.endsWith("storage") ? `${Math.floor(amount / 1024 / 1024)}Mi` : String(amount);
}
