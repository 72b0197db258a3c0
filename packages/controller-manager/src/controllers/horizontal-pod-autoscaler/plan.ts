// Decides the size an autoscaler gives its target, and everything its status says about that. It reads nothing; what metrics ask for
// comes in, or the failure to know it.
import type {
  HorizontalPodAutoscaler,
  HorizontalPodAutoscalerCondition,
  HorizontalPodAutoscalerStatus,
} from "@coxswain/api/autoscaling/v2";
import type { DeepReadonly } from "@coxswain/apimachinery";
import { rfc3339 } from "@coxswain/clock";
import { restrain } from "./behavior.ts";
import type { Memory } from "./behavior.ts";
import type { Failure, Proposal } from "./proposals.ts";

export type ReadonlyAutoscaler = DeepReadonly<HorizontalPodAutoscaler>;
type Conditions = readonly DeepReadonly<HorizontalPodAutoscalerCondition>[];

export interface AutoscalerView {
  readonly autoscaler: ReadonlyAutoscaler;
  readonly currentReplicas: number;
  /** What the metrics say, in their order; only asked for when `needsMetrics`. */
  readonly proposals: readonly (Proposal | Failure)[];
  /** Why no metric could be asked, if none could. */
  readonly obstacle: Obstacle | undefined;
  readonly memory: Memory;
  /** The window before a shrink where the autoscaler names none. */
  readonly downWindowMs: number;
  readonly nowMs: number;
  readonly monotonicMs: number;
}

/** A target whose pods are not known: its reason in an event, in the condition, and what is said there. */
export interface Obstacle {
  readonly event: string;
  readonly reason: string;
  readonly message: string;
  readonly sentence: string;
}

export interface AutoscalerPlan {
  /** Undefined: the target stays as it is. */
  readonly resizeTo: number | undefined;
  readonly because: string;
  readonly status: HorizontalPodAutoscalerStatus;
  readonly memory: Memory;
  /** Warnings to tell, in order. */
  readonly warnings: readonly { readonly reason: string; readonly message: string }[];
}

export const minReplicasOf = (autoscaler: ReadonlyAutoscaler): number => autoscaler.spec.minReplicas ?? 1;

/** Whether metrics have a say, or the bounds decide alone. */
export function needsMetrics(autoscaler: ReadonlyAutoscaler, currentReplicas: number): boolean {
  const min = minReplicasOf(autoscaler);
  return (
    !(currentReplicas === 0 && min !== 0) && currentReplicas <= autoscaler.spec.maxReplicas && currentReplicas >= min
  );
}

export function planAutoscaler(view: AutoscalerView): AutoscalerPlan {
  const { autoscaler, currentReplicas, memory, nowMs } = view;
  const min = minReplicasOf(autoscaler);
  const { maxReplicas: max } = autoscaler.spec;
  const able = setCondition(autoscaler.status?.conditions ?? [], "AbleToScale", true, gotScale, nowMs);
  const alone = (resizeTo: number | undefined, because: string, conditions: Conditions): AutoscalerPlan => ({
    resizeTo,
    because,
    status: statusOf(view, { desired: resizeTo ?? currentReplicas, metrics: [], conditions }),
    memory,
    warnings: [],
  });
  if (currentReplicas === 0 && min !== 0)
    return alone(undefined, "its target is switched off", setCondition(able, "ScalingActive", false, disabled, nowMs));
  if (currentReplicas > max) return alone(max, "Current number of replicas above Spec.MaxReplicas", able);
  if (currentReplicas < min) return alone(min, "Current number of replicas below Spec.MinReplicas", able);
  return planByMetrics(view, able);
}

function planByMetrics(view: AutoscalerView, able: Conditions): AutoscalerPlan {
  const { autoscaler, currentReplicas, proposals, obstacle, nowMs } = view;
  const failures = proposals.filter(isFailure);
  const best = proposals
    .filter((one): one is Proposal => !isFailure(one))
    .reduce<Proposal | undefined>((most, one) => (most && most.replicas >= one.replicas ? most : one), undefined);
  const metrics = proposals.map((one) => (isFailure(one) ? { type: "" } : one.status));
  const warnings = failures.map(({ reason, message }) => ({ reason, message }));
  const stay = (reason: string, sentence: string, message: string): AutoscalerPlan => {
    const conditions = setCondition(able, "ScalingActive", false, { reason, message: sentence }, nowMs);
    const desired = autoscaler.status?.desiredReplicas ?? 0;
    return {
      resizeTo: undefined,
      because: message,
      status: statusOf(view, { desired, metrics, conditions }),
      memory: view.memory,
      warnings: [
        ...(obstacle ? [{ reason: obstacle.event, message }] : warnings),
        { reason: "FailedComputeMetricsReplicas", message },
      ],
    };
  };
  if (obstacle !== undefined) return stay(obstacle.reason, obstacle.sentence, obstacle.message);
  // A metric that cannot be read might have asked for more: nothing shrinks without it.
  if (best === undefined || (failures.length > 0 && best.replicas < currentReplicas)) {
    const [first] = failures;
    return stay(
      first?.reason ?? "InvalidMetricSourceType",
      `the HPA was unable to compute the replica count: ${first?.message ?? "it has no metrics"}`,
      `invalid metrics (${failures.length} invalid out of ${proposals.length}), first error is: ${first?.summary ?? ""}`,
    );
  }
  const wish = {
    current: currentReplicas,
    desired: best.replicas,
    min: minReplicasOf(autoscaler),
    max: autoscaler.spec.maxReplicas,
    nowMs: view.monotonicMs,
    downWindowMs: view.downWindowMs,
  };
  const verdict = restrain(wish, autoscaler.spec.behavior, view.memory);
  const found = {
    reason: "ValidMetricFound",
    message: `the HPA was able to successfully calculate a replica count from ${best.name}`,
  };
  let conditions = setCondition(able, "AbleToScale", true, verdict.ability, nowMs);
  conditions = setCondition(conditions, "ScalingActive", true, found, nowMs);
  conditions = setCondition(
    conditions,
    "ScalingLimited",
    verdict.replicas !== verdict.stabilized,
    verdict.limit,
    nowMs,
  );
  return {
    resizeTo: verdict.replicas === currentReplicas ? undefined : verdict.replicas,
    because:
      best.replicas > currentReplicas
        ? `${best.name} above target`
        : best.replicas < currentReplicas
          ? "All metrics below target"
          : "",
    status: statusOf(view, { desired: verdict.replicas, metrics, conditions }),
    memory: verdict.memory,
    warnings,
  };
}

const gotScale = {
  reason: "SucceededGetScale",
  message: "the HPA controller was able to get the target's current scale",
};
const disabled = {
  reason: "ScalingDisabled",
  message: "scaling is disabled since the replica count of the target is zero",
};

const isFailure = (one: Proposal | Failure): one is Failure => "summary" in one;

/** The conditions with one of them set; it keeps the time of its last change of status. */
export function setCondition(
  conditions: Conditions,
  type: "AbleToScale" | "ScalingActive" | "ScalingLimited",
  holds: boolean,
  { reason, message }: { readonly reason: string; readonly message: string },
  nowMs: number,
): Conditions {
  const status = holds ? "True" : "False";
  const before = conditions.find((one) => one.type === type);
  const lastTransitionTime = before?.status === status ? before.lastTransitionTime : rfc3339(nowMs);
  const next = { type, status, lastTransitionTime, reason, message };
  return before === undefined ? [...conditions, next] : conditions.map((one) => (one === before ? next : one));
}

export function statusOf(
  view: Pick<AutoscalerView, "autoscaler" | "currentReplicas">,
  parts: {
    readonly desired: number;
    readonly metrics: HorizontalPodAutoscalerStatus["currentMetrics"];
    readonly conditions: Conditions;
  },
): HorizontalPodAutoscalerStatus {
  const { generation } = view.autoscaler.metadata;
  const { lastScaleTime } = view.autoscaler.status ?? {};
  return {
    ...(generation === undefined ? {} : { observedGeneration: generation }),
    ...(lastScaleTime === undefined ? {} : { lastScaleTime }),
    currentReplicas: view.currentReplicas,
    desiredReplicas: parts.desired,
    ...(parts.metrics === undefined || parts.metrics.length === 0 ? {} : { currentMetrics: parts.metrics }),
    conditions: parts.conditions.map((condition) => ({ ...condition })),
  };
}
