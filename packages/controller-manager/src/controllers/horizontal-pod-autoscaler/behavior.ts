// How fast an autoscaler may follow its metrics: bounds, rates, and windows over what was recommended lately. Pure; what it has to
// remember is a value that comes in and goes out. Times are of the monotonic clock.
import type { HorizontalPodAutoscaler, HPAScalingRules } from "@coxswain/api/autoscaling/v2";
import type { DeepReadonly } from "@coxswain/apimachinery";

interface Recommendation {
  readonly replicas: number;
  readonly atMs: number;
}

interface ScaleEvent {
  readonly change: number;
  readonly atMs: number;
}

/** Lost with the process, as in Kubernetes: the first recommendation of the next one is the size it finds. */
export interface Memory {
  readonly recommendations: readonly Recommendation[];
  readonly ups: readonly ScaleEvent[];
  readonly downs: readonly ScaleEvent[];
}

export const initialMemory = (replicas: number, nowMs: number): Memory => ({
  recommendations: [{ replicas, atMs: nowMs }],
  ups: [],
  downs: [],
});

export interface Wish {
  readonly current: number;
  readonly desired: number;
  readonly min: number;
  readonly max: number;
  readonly nowMs: number;
  /** The window before a shrink where the autoscaler names none. */
  readonly downWindowMs: number;
}

export interface Verdict {
  readonly replicas: number;
  /** Before rates and bounds: what the window over recent recommendations allows. */
  readonly stabilized: number;
  readonly ability: Because;
  readonly limit: Because;
  readonly memory: Memory;
}

export interface Because {
  readonly reason: string;
  readonly message: string;
}

type Behavior = DeepReadonly<HorizontalPodAutoscaler>["spec"]["behavior"];
type Rules = DeepReadonly<HPAScalingRules>;

/** Longest period of a policy, by validation. */
const longestPeriodMs = 1_800_000;
const second = 1_000;

/** Brings a wish within the windows, the rates and the bounds. */
export function restrain(wish: Wish, behavior: Behavior, memory: Memory): Verdict {
  const upWindowMs = (behavior?.scaleUp?.stabilizationWindowSeconds ?? 0) * second;
  const downSeconds = behavior?.scaleDown?.stabilizationWindowSeconds;
  const downWindowMs = downSeconds === undefined ? wish.downWindowMs : downSeconds * second;
  const stabilized =
    behavior === undefined
      ? Math.max(wish.desired, ...since(wish.nowMs - downWindowMs, memory))
      : stabilize(wish, memory, upWindowMs, downWindowMs);
  const { replicas, ...limit } =
    behavior === undefined
      ? withoutBehavior({ ...wish, desired: stabilized })
      : withBehavior({ ...wish, desired: stabilized }, behavior, memory);
  const longestMs = Math.max(upWindowMs, downWindowMs);
  const recommendations = memory.recommendations.filter(({ atMs }) => atMs > wish.nowMs - longestMs);
  return {
    replicas,
    stabilized,
    ability:
      stabilized === wish.desired
        ? inTime
        : behavior !== undefined && wish.desired >= wish.current
          ? upStabilized
          : downStabilized,
    limit,
    memory: { ...memory, recommendations: [...recommendations, { replicas: wish.desired, atMs: wish.nowMs }] },
  };
}

/** Remembers a change of size that was carried out, for the rates. */
export function remember(memory: Memory, from: number, to: number, nowMs: number): Memory {
  const recent = (events: readonly ScaleEvent[]): readonly ScaleEvent[] =>
    events.filter(({ atMs }) => atMs > nowMs - longestPeriodMs);
  const event = { change: Math.abs(to - from), atMs: nowMs };
  if (to > from) return { ...memory, ups: [...recent(memory.ups), event] };
  return { ...memory, downs: [...recent(memory.downs), event] };
}

const inTime: Because = { reason: "ReadyForNewScale", message: "recommended size matches current size" };
const upStabilized: Because = {
  reason: "ScaleUpStabilized",
  message: "recent recommendations were lower than current one, applying the lowest recent recommendation",
};
const downStabilized: Because = {
  reason: "ScaleDownStabilized",
  message: "recent recommendations were higher than current one, applying the highest recent recommendation",
};
const withinRange: Because = {
  reason: "DesiredWithinRange",
  message: "the desired count is within the acceptable range",
};
const tooMany: Because = {
  reason: "TooManyReplicas",
  message: "the desired replica count is more than the maximum replica count",
};
const tooFew: Because = {
  reason: "TooFewReplicas",
  message: "the desired replica count is less than the minimum replica count",
};
const tooFast: Because = {
  reason: "ScaleUpLimit",
  message: "the desired replica count is increasing faster than the maximum scale rate",
};
const tooFastDown: Because = {
  reason: "ScaleDownLimit",
  message: "the desired replica count is decreasing faster than the maximum scale rate",
};

/** Up to the lowest recommendation of the one window, down to the highest of the other; in between nothing moves. */
function stabilize(wish: Wish, memory: Memory, upWindowMs: number, downWindowMs: number): number {
  const lowest = Math.min(wish.desired, ...since(wish.nowMs - upWindowMs, memory));
  const highest = Math.max(wish.desired, ...since(wish.nowMs - downWindowMs, memory));
  return Math.min(Math.max(wish.current, lowest), highest);
}

const since = (fromMs: number, { recommendations }: Memory): readonly number[] =>
  recommendations.filter(({ atMs }) => atMs > fromMs).map(({ replicas }) => replicas);

interface Limited extends Because {
  readonly replicas: number;
}

function withoutBehavior({ current, desired, min, max }: Wish): Limited {
  const fastest = Math.max(2 * current, 4);
  if (desired < min) return { replicas: min, ...tooFew };
  if (desired > Math.min(max, fastest))
    return { replicas: Math.min(max, fastest), ...(max > fastest ? tooFast : tooMany) };
  return { replicas: desired, ...withinRange };
}

function withBehavior(wish: Wish, behavior: NonNullable<Behavior>, memory: Memory): Limited {
  const { current, desired, min, max } = wish;
  if (desired > current) {
    const fastest = Math.max(current, upLimit(wish, behavior.scaleUp ?? {}, memory));
    if (desired > Math.min(max, fastest))
      return { replicas: Math.min(max, fastest), ...(max > fastest ? tooFast : tooMany) };
  } else if (desired < current) {
    const fastest = Math.min(current, downLimit(wish, behavior.scaleDown ?? {}, memory));
    if (desired < Math.max(min, fastest))
      return { replicas: Math.max(min, fastest), ...(min < fastest ? tooFastDown : tooFew) };
  }
  return { replicas: desired, ...withinRange };
}

function upLimit(wish: Wish, rules: Rules, memory: Memory): number {
  if (rules.selectPolicy === "Disabled") return wish.current;
  const limits = (rules.policies ?? []).map(({ type, value, periodSeconds }) => {
    const before = atStartOf(periodSeconds, wish, memory);
    return type === "Pods" ? before + value : Math.ceil(before * (1 + value / 100));
  });
  return rules.selectPolicy === "Min" ? Math.min(...limits) : Math.max(...limits);
}

function downLimit(wish: Wish, rules: Rules, memory: Memory): number {
  if (rules.selectPolicy === "Disabled") return wish.current;
  const limits = (rules.policies ?? []).map(({ type, value, periodSeconds }) => {
    const before = atStartOf(periodSeconds, wish, memory);
    return type === "Pods" ? before - value : Math.trunc(before * (1 - value / 100));
  });
  return rules.selectPolicy === "Min" ? Math.max(...limits) : Math.min(...limits);
}

/** How many replicas there were when the period began. */
function atStartOf(periodSeconds: number, { current, nowMs }: Wish, { ups, downs }: Memory): number {
  const changed = (events: readonly ScaleEvent[]): number =>
    events.filter(({ atMs }) => atMs > nowMs - periodSeconds * second).reduce((total, { change }) => total + change, 0);
  return current - changed(ups) + changed(downs);
}
