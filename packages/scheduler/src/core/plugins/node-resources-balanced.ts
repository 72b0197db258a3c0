// NodeResourcesBalancedAllocation: prefers nodes whose CPU and memory would be used to a like degree, so that neither is
// left over without the other. Pods that ask for neither are not counted.
import { definePlugin, highestScore } from "../plugin.ts";
import { podRequests } from "../resources.ts";
import type { Amounts } from "../resources.ts";

const balanced = ["cpu", "memory"] as const;

export const nodeResourcesBalanced = definePlugin<Amounts>({
  name: "NodeResourcesBalancedAllocation",
  weight: 1,
  prepare: podRequests,
  score: (requests, node) => {
    if (!balanced.some((name) => (requests.get(name) ?? 0) > 0)) return 0;
    const fractions: number[] = [];
    for (const name of balanced) {
      const allocatable = node.allocatable.get(name) ?? 0;
      if (allocatable > 0)
        fractions.push(Math.min(1, ((node.requested.get(name) ?? 0) + (requests.get(name) ?? 0)) / allocatable));
    }
    const [first = 0, second = first] = fractions;
    return Math.floor((1 - Math.abs(first - second) / 2) * highestScore);
  },
  wakes: () => false,
});
