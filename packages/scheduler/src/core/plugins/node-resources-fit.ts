// NodeResourcesFit: the node must have free what the pod asks for, and room for one pod more. Among those that do, it prefers
// by one of three strategies: the emptiest (LeastAllocated), the fullest (MostAllocated), or by a curve over how full the node
// would be (RequestedToCapacityRatio).
import { definePlugin } from "../plugin.ts";
import type { Plugin, Rejection } from "../plugin.ts";
import { nodeAllocatable, podRequests, podRequestsForScoring } from "../resources.ts";
import type { Amounts, NodeView, PodView } from "../resources.ts";
import { resourceScorer } from "./resource-scoring.ts";
import type { ScoringStrategy } from "./resource-scoring.ts";

export interface NodeResourcesFitArgs {
  readonly ignoredResources: readonly string[];
  readonly ignoredResourceGroups: readonly string[];
  readonly scoringStrategy: ScoringStrategy;
}

interface Prepared {
  readonly requests: readonly (readonly [name: string, amount: number])[];
  readonly asked: Amounts;
  readonly scoringAsked: Amounts;
  readonly rejections: Map<number, Rejection>;
}

export function nodeResourcesFit(args: NodeResourcesFitArgs): Plugin {
  const scorer = resourceScorer(args.scoringStrategy);
  const ignored = (name: string): boolean =>
    name.includes("/") &&
    (args.ignoredResources.includes(name) || args.ignoredResourceGroups.includes(name.slice(0, name.indexOf("/"))));
  const checked = (pod: PodView): readonly (readonly [string, number])[] =>
    [...podRequests(pod)].filter(([name, amount]) => amount > 0 && !ignored(name));

  return definePlugin<Prepared>({
    name: "NodeResourcesFit",
    scope: "node",
    prepare: (pod) => ({
      requests: checked(pod),
      asked: podRequests(pod),
      scoringAsked: podRequestsForScoring(pod),
      rejections: new Map(),
    }),
    filter: ({ requests, rejections }, node) => {
      // Which of the shortages there are, as the bits of a number: each combination is one rejection.
      let short = node.pods.size + 1 > (node.allocatable.get("pods") ?? 0) ? 1 : 0;
      let unresolvable = false;
      for (let i = 0; i < requests.length; i++) {
        const [name, amount] = requests[i] as readonly [string, number];
        if (amount <= node.free(name)) continue;
        short += 2 ** (i + 1);
        unresolvable ||= amount > (node.allocatable.get(name) ?? 0);
      }
      if (short === 0) return undefined;
      const key = unresolvable ? -short : short;
      const known = rejections.get(key);
      if (known !== undefined) return known;
      const reasons = requests.flatMap(([name], i) => (has(short, i + 1) ? [`Insufficient ${name}`] : []));
      const rejection = { reasons: has(short, 0) ? ["Too many pods", ...reasons] : reasons, unresolvable };
      rejections.set(key, rejection);
      return rejection;
    },
    score: ({ asked, scoringAsked }, node) => scorer(asked, scoringAsked, node),
    explain: ({ requests }, node) => {
      const clauses = requests
        .filter(([name, amount]) => amount > node.free(name))
        .map(
          ([name, amount]) =>
            `${name}: asked ${show(name, amount)}, free ${show(name, node.free(name))} of ${show(name, node.allocatable.get(name) ?? 0)}`,
        );
      if (node.pods.size + 1 > (node.allocatable.get("pods") ?? 0))
        clauses.unshift(`pods: ${node.pods.size} of ${node.allocatable.get("pods") ?? 0}`);
      return clauses.join("; ");
    },
    wakes: {
      "pod-gone": () => true,
      "node-added": ({ node }, pod) => couldFit(checked(pod), node),
      "node-updated": ({ old, node }, pod) => grew(old, node) && couldFit(checked(pod), node),
    },
  });
}

function has(bits: number, bit: number): boolean {
  return Math.floor(bits / 2 ** bit) % 2 === 1;
}

function couldFit(requests: readonly (readonly [string, number])[], node: NodeView): boolean {
  const allocatable = nodeAllocatable(node);
  return requests.every(([name, amount]) => amount <= (allocatable.get(name) ?? 0));
}

function grew(old: NodeView, node: NodeView): boolean {
  const [before, after] = [nodeAllocatable(old), nodeAllocatable(node)];
  return before !== after && [...after].some(([name, amount]) => amount > (before.get(name) ?? 0));
}

/** Amounts for people: CPU in thousandths, bytes in mebibytes. */
export function show(name: string, amount: number): string {
  if (name === "cpu") return `${amount}m`;
  return isBytes(name) ? `${Math.floor(amount / 1024 / 1024)}Mi` : String(amount);
}

function isBytes(name: string): boolean {
  return name === "memory" || name.endsWith("storage") || name.startsWith("hugepages-");
}
