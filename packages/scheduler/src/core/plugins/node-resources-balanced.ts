// NodeResourcesBalancedAllocation: prefers nodes whose resources would be used to a like degree, so that none is left over
// without the others. Pods that ask for none of them are not counted.
import { definePlugin, highestScore } from "../plugin.ts";
import type { Plugin } from "../plugin.ts";
import { podRequests } from "../resources.ts";
import type { Amounts } from "../resources.ts";

export interface NodeResourcesBalancedArgs {
  readonly resources: readonly { readonly name: string }[];
}

export function nodeResourcesBalanced({ resources }: NodeResourcesBalancedArgs): Plugin {
  const names = resources.map(({ name }) => name);
  return definePlugin<Amounts>({
    name: "NodeResourcesBalancedAllocation",
    scope: "node",
    prepare: podRequests,
    scores: (requests) => names.some((name) => (requests.get(name) ?? 0) > 0),
    score: (requests, node) => {
      const fractions: number[] = [];
      for (const name of names) {
        const allocatable = node.allocatable.get(name) ?? 0;
        const wanted = requests.get(name) ?? 0;
        if (allocatable === 0 || (wanted === 0 && name !== "cpu" && name !== "memory")) continue;
        fractions.push(Math.min(1, ((node.requested.get(name) ?? 0) + wanted) / allocatable));
      }
      return Math.floor((1 - deviation(fractions)) * highestScore);
    },
    wakes: {},
  });
}

function deviation(fractions: readonly number[]): number {
  const [first = 0, second = 0] = fractions;
  if (fractions.length < 2) return 0;
  if (fractions.length === 2) return Math.abs(first - second) / 2;
  const mean = fractions.reduce((sum, fraction) => sum + fraction, 0) / fractions.length;
  return Math.sqrt(fractions.reduce((sum, fraction) => sum + (fraction - mean) ** 2, 0) / fractions.length);
}
