// Who would have to leave a node for a pod: all less important pods go in thought, and come back one by one, the most important
// first (those whose disruption budget would be broken before all others), as long as the pod still fits.
import { labelSelectorMatcher } from "@coxswain/apimachinery";
import type { DeepReadonly } from "@coxswain/apimachinery";
import type { PodDisruptionBudget } from "@coxswain/api/policy/v1";
import type { Evaluation, Verdict } from "../evaluation.ts";
import type { NodeState } from "../node-state.ts";
import type { PlacedPod } from "../placed-pod.ts";
import { unsuitable } from "../plugin.ts";

export interface Candidate {
  readonly node: NodeState;
  /** The most important first. */
  readonly victims: readonly PlacedPod[];
  /** How many of them their budgets would protect. */
  readonly violations: number;
  /** How much they matter, for comparing. */
  readonly worth: Worth;
}

export interface Worth {
  readonly highest: number;
  /** Of all priorities, shifted above zero, so that more victims never weigh less than fewer. */
  readonly sum: number;
  /** When the first of the most important ones was started. */
  readonly earliest: string;
}

export type Trial =
  { readonly fits: true; readonly candidate: Candidate } | { readonly fits: false; readonly verdict: Verdict };

type BudgetView = DeepReadonly<PodDisruptionBudget>;

const nobody = unsuitable("No preemption victims found for incoming pod");

export function tryNode(
  evaluation: Evaluation,
  key: string,
  node: NodeState,
  priority: number,
  budgets: Iterable<BudgetView>,
): Trial {
  const lesser = [...node.pods.values()].filter((placed) => placed.priority < priority);
  if (lesser.length === 0)
    return {
      fits: false,
      verdict: {
        node: node.name,
        slot: node.slot,
        plugin: undefined,
        rejection: nobody,
        detail: "nobody here is less important",
      },
    };
  const trial = node.clone();
  /** Those who are gone in thought; they come back at the end, since the rules' counts are shared. */
  const away = new Set(lesser);
  for (const placed of lesser) evaluation.pretend(trial, placed, -1);
  try {
    const verdict = evaluation.checkTrial(trial, key);
    if (verdict !== undefined) {
      evaluation.explain(verdict, trial);
      return { fits: false, verdict };
    }
    const comesBack = (placed: PlacedPod): boolean => {
      evaluation.pretend(trial, placed, 1);
      if (evaluation.checkTrial(trial, key) === undefined) {
        away.delete(placed);
        return true;
      }
      evaluation.pretend(trial, placed, -1);
      return false;
    };
    const { protectedOnes, others } = byBudget(lesser.sort(moreImportant), budgets);
    const violating = protectedOnes.filter((placed) => !comesBack(placed));
    const victims = [...violating, ...others.filter((placed) => !comesBack(placed))];
    return {
      fits: true,
      candidate: candidateOf(node, victims.sort(moreImportant), violating.length),
    };
  } finally {
    for (const placed of away) evaluation.pretend(trial, placed, 1);
  }
}

const aboveZero = 2 ** 31;

export function candidateOf(node: NodeState, victims: readonly PlacedPod[], violations: number): Candidate {
  const highest = victims[0]?.priority ?? Number.NEGATIVE_INFINITY;
  let sum = 0;
  let earliest = "~";
  for (const victim of victims) {
    sum += victim.priority + aboveZero;
    if (victim.priority === highest && startTime(victim) < earliest) earliest = startTime(victim);
  }
  return { node, victims, violations, worth: { highest, sum, earliest } };
}

/** Higher priority, then longer running. */
export function moreImportant(a: PlacedPod, b: PlacedPod): number {
  if (a.priority !== b.priority) return b.priority - a.priority;
  const [left, right] = [startTime(a), startTime(b)];
  return left < right ? -1 : left > right ? 1 : 0;
}

/** When a pod was started; one that was not yet counts as the youngest. */
export function startTime({ pod }: PlacedPod): string {
  return pod.status?.startTime ?? "9999";
}

/** Each pod uses up one disruption of every budget that means it; with none left it is protected. */
function byBudget(
  pods: readonly PlacedPod[],
  budgets: Iterable<BudgetView>,
): { readonly protectedOnes: readonly PlacedPod[]; readonly others: readonly PlacedPod[] } {
  const open = [...budgets].flatMap((budget) => {
    const matcher = labelSelectorMatcher(budget.spec?.selector);
    // A budget that selects nothing in particular protects nobody.
    return matcher.nothing || matcher.requirements.length === 0
      ? []
      : [{ budget, matcher, left: budget.status?.disruptionsAllowed ?? 0 }];
  });
  if (open.length === 0) return { protectedOnes: [], others: pods };
  const protectedOnes: PlacedPod[] = [];
  const others: PlacedPod[] = [];
  for (const placed of pods) {
    const { namespace, name, labels } = placed.pod.metadata;
    let violates = false;
    for (const one of open) {
      const { budget, matcher } = one;
      if (budget.metadata.namespace !== namespace || !matcher.matches(labels)) continue;
      // One whose eviction is under way has been counted.
      if (budget.status?.disruptedPods?.[name] !== undefined) continue;
      one.left--;
      violates ||= one.left < 0;
    }
    (violates ? protectedOnes : others).push(placed);
  }
  return { protectedOnes, others };
}
