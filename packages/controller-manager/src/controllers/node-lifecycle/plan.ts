// Decides what a node's silence means: conditions Unknown after the grace period, taints that follow the conditions, pods marked
// not ready. "Heard" is when we saw its lease or status change, by our own clock: a node with a wrong clock is not dead.
import type { Node, NodeCondition, Taint } from "@coxswain/api/core/v1";
import type { DeepReadonly } from "@coxswain/apimachinery";
import { rfc3339 } from "@coxswain/clock";
import type { Plan } from "@coxswain/controller";
import { sameJson } from "../../loop/same-json.ts";

export type ReadonlyNode = DeepReadonly<Node>;

export interface NodeView {
  readonly node: ReadonlyNode;
  /** How long nothing has been heard of it. */
  readonly silentMs: number;
  readonly graceMs: number;
  /**
   * Whether its pods may be told to leave: "now"; "later", when its zone lets it; or "never", because every node is down: more likely it is
   * us who hear nothing, so that evictions begun are called off.
   */
  readonly eviction: "now" | "later" | "never";
  readonly nowMs: number;
}

export type NodeAction =
  | { readonly kind: "set-conditions"; readonly conditions: readonly NodeCondition[]; readonly becameUnknown: boolean }
  | { readonly kind: "set-taints"; readonly taints: readonly Taint[] }
  | { readonly kind: "mark-pods-not-ready" };

const watched = ["Ready", "MemoryPressure", "DiskPressure", "PIDPressure"] as const;
const pressureTaints: Readonly<Record<string, string>> = {
  MemoryPressure: "node.kubernetes.io/memory-pressure",
  DiskPressure: "node.kubernetes.io/disk-pressure",
  PIDPressure: "node.kubernetes.io/pid-pressure",
  NetworkUnavailable: "node.kubernetes.io/network-unavailable",
};
const notReady = "node.kubernetes.io/not-ready";
const unreachable = "node.kubernetes.io/unreachable";
const unschedulable = "node.kubernetes.io/unschedulable";
const ours = new Set([...Object.values(pressureTaints), notReady, unreachable, unschedulable]);

/** Whether its pods have been told to leave. */
export const isEvicted = (node: ReadonlyNode): boolean =>
  (node.spec?.taints ?? []).some(
    ({ key, effect }) => (key === notReady || key === unreachable) && effect === "NoExecute",
  );

export function planNode(view: NodeView): Plan<NodeAction> & { readonly wakeAfterMs: number | undefined } {
  const { node, silentMs, graceMs } = view;
  const silent = silentMs >= graceMs;
  const conditions = silent
    ? silentConditions(view)
    : (node.status?.conditions ?? []).map((condition) => ({ ...condition }));
  const actions: NodeAction[] = [];
  if (silent && !sameJson(conditions, node.status?.conditions ?? [])) {
    const before = node.status?.conditions?.find((condition) => condition.type === "Ready")?.status;
    actions.push({ kind: "set-conditions", conditions, becameUnknown: before !== "Unknown" });
  }
  const taints = taintsFor(view, conditions);
  if (!sameJson(taints, node.spec?.taints ?? [])) actions.push({ kind: "set-taints", taints });
  const ready = conditions.find((condition) => condition.type === "Ready")?.status;
  if (ready !== undefined && ready !== "True") actions.push({ kind: "mark-pods-not-ready" });
  const because = silent
    ? `nothing was heard of it for ${Math.round(silentMs / 1000)} s`
    : `its Ready condition is ${ready ?? "not there yet"}`;
  return { actions, because, wakeAfterMs: silent ? undefined : graceMs - silentMs + 1 };
}

function silentConditions({ node, nowMs }: NodeView): NodeCondition[] {
  const present = node.status?.conditions ?? [];
  const now = rfc3339(nowMs);
  const kept = present
    .filter((condition) => !watched.some((type) => type === condition.type))
    .map((condition) => ({ ...condition }));
  const unknown = watched.map((type): NodeCondition => {
    const before = present.find((condition) => condition.type === type);
    if (before === undefined) {
      const message = "Kubelet never posted node status.";
      return {
        type,
        status: "Unknown",
        reason: "NodeStatusNeverUpdated",
        message,
        lastHeartbeatTime: node.metadata.creationTimestamp ?? now,
        lastTransitionTime: now,
      };
    }
    if (before.status === "Unknown") return { ...before };
    const message = "Kubelet stopped posting node status.";
    return { ...before, status: "Unknown", reason: "NodeStatusUnknown", message, lastTransitionTime: now };
  });
  return [...unknown, ...kept];
}

/** The taints the conditions call for, after those that are other people's. A taint that stays keeps the time it was added. */
function taintsFor(view: NodeView, conditions: readonly DeepReadonly<NodeCondition>[]): readonly Taint[] {
  const { node, eviction, nowMs } = view;
  const present = node.spec?.taints ?? [];
  const wanted: Taint[] = [];
  const status = (type: string): string | undefined => conditions.find((condition) => condition.type === type)?.status;
  for (const [type, key] of Object.entries(pressureTaints))
    if (status(type) === "True") wanted.push({ key, effect: "NoSchedule" });
  if (node.spec?.unschedulable) wanted.push({ key: unschedulable, effect: "NoSchedule" });
  const ready = status("Ready");
  const key = ready === "False" ? notReady : ready === "Unknown" ? unreachable : undefined;
  if (key !== undefined) {
    wanted.push({ key, effect: "NoSchedule" });
    const begun = isEvicted(node); // one reason may follow another at once
    if (eviction === "now" || (eviction === "later" && begun)) wanted.push({ key, effect: "NoExecute" });
  }
  // A node that has not spoken yet keeps the taint it registered with.
  const unborn = ready === undefined;
  const others = present.filter((taint) => !ours.has(taint.key) || unborn).map((taint) => ({ ...taint }));
  const added = wanted.map((taint) => {
    const before = present.find((one) => one.key === taint.key && one.effect === taint.effect);
    return before ? { ...before } : { ...taint, timeAdded: rfc3339(nowMs) };
  });
  const order = (taint: Taint): number =>
    present.findIndex((one) => one.key === taint.key && one.effect === taint.effect);
  return [...others, ...added].sort((a, b) => (order(a) === -1 ? 999 : order(a)) - (order(b) === -1 ? 999 : order(b)));
}
