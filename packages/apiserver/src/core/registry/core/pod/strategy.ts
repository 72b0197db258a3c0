// Pods: status begins as Pending, the quality of service is computed once, deletion is graceful while a node runs it.
import { compareQuantities } from "@coxswain/apimachinery";
import type { ApiObject } from "@coxswain/apimachinery";
import type { Loose, Strategy } from "../../strategy.ts";
import { keep, memberOf, textOf } from "../../strategy.ts";
import { adoptAppArmorAnnotations } from "./app-armor.ts";
import { mergeLabelKeys } from "./label-keys.ts";

/** What a pod says of itself that may not be scheduled yet. */
const gated = {
  type: "PodScheduled",
  status: "False",
  reason: "SchedulingGated",
  message: "Scheduling is blocked due to non-empty scheduling gates",
};

export const podStrategy: Strategy = {
  countsGenerations: true,
  prepareForCreate(pod) {
    const gates = memberOf(pod, "spec")["schedulingGates"] as readonly unknown[] | undefined;
    (pod as Loose)["status"] = {
      phase: "Pending",
      qosClass: qualityOfService(pod),
      ...((gates ?? []).length > 0 && { conditions: [gated] }),
    };
    mergeLabelKeys(pod);
    adoptAppArmorAnnotations(pod);
  },
  prepareForUpdate(pod, old, { subresource }) {
    if (subresource === "ephemeralcontainers") {
      const added = memberOf(pod, "spec")["ephemeralContainers"];
      (pod as Loose)["spec"] = { ...memberOf(old, "spec"), ...(added !== undefined && { ephemeralContainers: added }) };
    }
    if (subresource === "resize") (pod as Loose)["spec"] = resized(memberOf(old, "spec"), memberOf(pod, "spec"));
  },
  prepareForStatusUpdate(pod, old) {
    // The node reports; it may neither revive nor disown a pod.
    keep(pod.metadata, old.metadata, "deletionTimestamp");
    keep(pod.metadata, old.metadata, "ownerReferences");
    const status = (pod as Loose)["status"];
    if (typeof status === "object" && status !== null)
      keep(status as Loose, memberOf(old, "status") as Loose, "qosClass");
  },
  gracePeriodSeconds(pod, options) {
    const asked = Number(
      options.gracePeriodSeconds ??
        (memberOf(pod, "spec")["terminationGracePeriodSeconds"] as number | undefined) ??
        30,
    );
    // Nobody runs it yet, or nothing in it runs any more.
    if (textOf(pod, "spec", "nodeName") === "") return 0;
    const phase = textOf(pod, "status", "phase");
    return phase === "Failed" || phase === "Succeeded" ? 0 : Math.max(asked, asked < 0 ? 1 : 0);
  },
};

/** The old specification with the new one's resources, container by container. */
function resized(
  old: Readonly<Record<string, unknown>>,
  next: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const result: Record<string, unknown> = { ...old };
  for (const list of ["containers", "initContainers"]) {
    const wanted = (next[list] as { name: string; resources?: unknown; resizePolicy?: unknown }[] | undefined) ?? [];
    const before = old[list] as { name: string }[] | undefined;
    if (!before) continue;
    result[list] = before.map((container) => {
      const match = wanted.find(({ name }) => name === container.name);
      return match
        ? {
            ...container,
            resources: match.resources ?? {},
            ...(match.resizePolicy !== undefined && { resizePolicy: match.resizePolicy }),
          }
        : container;
    });
  }
  return result;
}

type Amounts = Readonly<Record<string, string>>;

/** Guaranteed: every container's limits are set and equal its requests; BestEffort: none has any; Burstable: the rest. */
export function qualityOfService(pod: ApiObject): "Guaranteed" | "Burstable" | "BestEffort" {
  const spec = memberOf(pod, "spec");
  const ofPod = memberOf(spec, "resources");
  const saysItself = [memberOf(ofPod, "requests"), memberOf(ofPod, "limits")].some(
    (one) => Object.keys(one).length > 0,
  );
  // A pod that has resources as a whole is judged by them alone.
  const containers = saysItself
    ? [spec]
    : [
        ...((spec["initContainers"] as object[] | undefined) ?? []),
        ...((spec["containers"] as object[] | undefined) ?? []),
      ];
  const counted = (amounts: Amounts): [string, string][] =>
    Object.entries(amounts).filter(
      ([name, amount]) => (name === "cpu" || name === "memory") && compareQuantities(amount, "0") > 0,
    );
  let guaranteed = true;
  let any = false;
  for (const container of containers) {
    const resources = memberOf(container, "resources");
    const limits = Object.fromEntries(counted(memberOf(resources, "limits") as Amounts));
    const requests = Object.fromEntries(counted(memberOf(resources, "requests") as Amounts));
    if (Object.keys(limits).length + Object.keys(requests).length > 0) any = true;
    for (const name of ["cpu", "memory"]) {
      const limit = limits[name];
      if (limit === undefined || compareQuantities(requests[name] ?? limit, limit) !== 0) guaranteed = false;
    }
  }
  if (!any) return "BestEffort";
  return guaranteed ? "Guaranteed" : "Burstable";
}
