// How full a node would be with the pod on it, as a score: the three strategies of NodeResourcesFit. CPU and memory count
// with what scoring assumes for pods that ask for nothing, other resources as they are asked for.
import { highestScore } from "../plugin.ts";
import type { NodeState } from "../node-state.ts";
import type { Amounts } from "../resources.ts";

export interface ResourceWeight {
  readonly name: string;
  readonly weight: number;
}

export interface ShapePoint {
  /** 0 … 100. */
  readonly utilization: number;
  /** 0 … 10. */
  readonly score: number;
}

export interface ScoringStrategy {
  readonly type: "LeastAllocated" | "MostAllocated" | "RequestedToCapacityRatio";
  readonly resources: readonly ResourceWeight[];
  readonly shape: readonly ShapePoint[];
}

export function resourceScorer(
  strategy: ScoringStrategy,
): (asked: Amounts, scoringAsked: Amounts, node: NodeState) => number {
  const one = scoreOfOne(strategy);
  const rounded = strategy.type === "RequestedToCapacityRatio" ? Math.round : Math.floor;
  return (asked, scoringAsked, node) => {
    let sum = 0;
    let weights = 0;
    for (const { name, weight } of strategy.resources) {
      const assumed = name === "cpu" || name === "memory";
      const wanted = (assumed ? scoringAsked : asked).get(name) ?? 0;
      // A resource that the pod does not ask for has no say, unless everybody needs it.
      if (!assumed && wanted === 0) continue;
      const allocatable = node.allocatable.get(name) ?? 0;
      if (allocatable === 0) continue;
      const taken = (assumed ? node.scoringRequested : node.requested).get(name) ?? 0;
      const score = one(taken + wanted, allocatable);
      if (strategy.type === "RequestedToCapacityRatio" && score <= 0) continue;
      sum += score * weight;
      weights += weight;
    }
    return weights === 0 ? 0 : rounded(sum / weights);
  };
}

function scoreOfOne({ type, shape }: ScoringStrategy): (taken: number, allocatable: number) => number {
  switch (type) {
    case "LeastAllocated":
      return (taken, allocatable) =>
        taken > allocatable ? 0 : Math.floor(((allocatable - taken) * highestScore) / allocatable);
    case "MostAllocated":
      return (taken, allocatable) => Math.floor((Math.min(taken, allocatable) * highestScore) / allocatable);
    case "RequestedToCapacityRatio":
      return (taken, allocatable) =>
        along(shape, taken > allocatable ? 100 : Math.floor((taken * 100) / allocatable)) * (highestScore / 10);
  }
}

/** The broken line through the points; level before the first and after the last. */
function along(shape: readonly ShapePoint[], utilization: number): number {
  let before: ShapePoint | undefined;
  for (const point of shape) {
    if (utilization <= point.utilization) {
      if (before === undefined) return point.score;
      const share = (utilization - before.utilization) / (point.utilization - before.utilization);
      return Math.trunc(before.score + (point.score - before.score) * share);
    }
    before = point;
  }
  return before?.score ?? 0;
}
