// Decides whether, and when, a pod must leave a tainted node: at once if a NoExecute taint is not tolerated, otherwise after the
// shortest time it is tolerated for, counted from when the taint was added.
import type { Taint, Toleration } from "@coxswain/api/core/v1";
import type { DeepReadonly } from "@coxswain/apimachinery";
import { parseRfc3339 } from "@coxswain/clock";
import type { ReadonlyPod } from "../../pods/state.ts";

export type Eviction =
  | { readonly kind: "stay"; readonly because: string }
  | { readonly kind: "evict"; readonly because: string }
  | { readonly kind: "wait"; readonly forMs: number; readonly because: string };

export function planEviction(pod: ReadonlyPod, taints: readonly DeepReadonly<Taint>[], nowMs: number): Eviction {
  const executing = taints.filter((taint) => taint.effect === "NoExecute");
  if (executing.length === 0) return { kind: "stay", because: "its node has no such taint" };
  let leaveAt = Number.POSITIVE_INFINITY;
  for (const taint of executing) {
    const tolerated = (pod.spec?.tolerations ?? []).filter((toleration) => tolerates(toleration, taint));
    if (tolerated.length === 0) return { kind: "evict", because: `it does not tolerate ${taint.key}` };
    const seconds = Math.min(
      ...tolerated.map((toleration) => toleration.tolerationSeconds ?? Number.POSITIVE_INFINITY),
    );
    leaveAt = Math.min(leaveAt, (parseRfc3339(taint.timeAdded ?? "") ?? nowMs) + Math.max(0, seconds) * 1000);
  }
  if (leaveAt === Number.POSITIVE_INFINITY) return { kind: "stay", because: "it tolerates its node's taints for ever" };
  if (leaveAt <= nowMs) return { kind: "evict", because: "the time for which it tolerates its node's taints is over" };
  return { kind: "wait", forMs: leaveAt - nowMs, because: "it tolerates its node's taints for a while" };
}

export function tolerates(toleration: DeepReadonly<Toleration>, taint: DeepReadonly<Taint>): boolean {
  if (toleration.effect && toleration.effect !== taint.effect) return false;
  if (toleration.key && toleration.key !== taint.key) return false;
  if (toleration.operator === "Exists") return true;
  return toleration.key !== undefined && toleration.key !== "" && (toleration.value ?? "") === (taint.value ?? "");
}
