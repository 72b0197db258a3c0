/**
 * What a pod counts for in a quota: its requests and limits under quota's own names, while it can still run. After Kubernetes'
 * `pkg/quota/v1/evaluator/core/pods.go`.
 */
import type { Container, Pod } from "../core/v1/index.ts";
import type { DeepReadonly } from "@coxswain/apimachinery";
import type { Amounts } from "./amounts.ts";
import { addAmounts, largestAmounts } from "./amounts.ts";

type ReadonlyPod = DeepReadonly<Pod>;
type Part = "requests" | "limits";

const computeNames = ["cpu", "memory", "ephemeral-storage"];
/** Of these, every container must say how much once a quota limits them; otherwise the sum would mean nothing. */
const mustBeSaid = ["cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory"];

/** Requests and limits of a pod that may still run; only the object itself once it has ended. */
export function podUsage(pod: ReadonlyPod, nowMs: number): Amounts {
  if (hasEnded(pod, nowMs)) return { "count/pods": "1" };
  return { "count/pods": "1", pods: "1", ...underQuotaNames(podAmounts(pod, "requests"), podAmounts(pod, "limits")) };
}

/** Terminal, or deleted and past its grace: the node agent may be gone, and the pod must not be held against the namespace. */
function hasEnded({ status, metadata }: ReadonlyPod, nowMs: number): boolean {
  if (status?.phase === "Failed" || status?.phase === "Succeeded") return true;
  const { deletionTimestamp, deletionGracePeriodSeconds } = metadata;
  if (deletionTimestamp === undefined || deletionGracePeriodSeconds === undefined) return false;
  return Date.parse(deletionTimestamp) + deletionGracePeriodSeconds * 1000 < nowMs;
}

/** "must specify limits.cpu for: web; …", or undefined when every container says what the quota limits. */
export function missingFromPod(pod: ReadonlyPod, limited: readonly string[]): string | undefined {
  const required = limited.filter((name) => mustBeSaid.includes(name)).toSorted();
  const containers = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])];
  const missing = required.flatMap((name) => {
    const silent = containers.filter(({ resources }) => {
      const said = underQuotaNames(amountsOf(resources, "requests"), amountsOf(resources, "limits"));
      return said[name] === undefined;
    });
    const names = [...new Set(silent.map((container) => container.name))].toSorted();
    return names.length === 0 ? [] : [`${name} for: ${names.join(",")}`];
  });
  return missing.length === 0 ? undefined : `must specify ${missing.join("; ")}`;
}

/** Whether a quota's name is about pods. */
export function isPodResource(name: string): boolean {
  if (name === "pods" || name === "count/pods" || computeNames.includes(name)) return true;
  if (computeNames.some((known) => name === `requests.${known}` || name === `limits.${known}`)) return true;
  if (name.startsWith("hugepages-") || name.startsWith("requests.hugepages-")) return true;
  return name.startsWith("requests.") && name.slice("requests.".length).includes("/");
}

/** The sum of containers and of sidecars that stay, or the peak of an init container beside the sidecars before it; then overhead. */
function podAmounts(pod: ReadonlyPod, part: Part): Amounts {
  let total: Amounts = {};
  for (const container of pod.spec?.containers ?? []) total = addAmounts(total, amountsOf(container.resources, part));
  let [sidecars, peak]: [Amounts, Amounts] = [{}, {}];
  for (const container of pod.spec?.initContainers ?? []) {
    const own = amountsOf(container.resources, part);
    if (container.restartPolicy === "Always") {
      total = addAmounts(total, own);
      sidecars = addAmounts(sidecars, own);
      peak = largestAmounts(peak, sidecars);
    } else peak = largestAmounts(peak, addAmounts(sidecars, own));
  }
  total = { ...largestAmounts(total, peak), ...amountsOf(pod.spec?.resources, part) };
  const overhead = (pod.spec?.overhead ?? {}) as Amounts;
  // Overhead raises a limit that there is; it does not make one.
  const applicable =
    part === "requests" ? overhead : Object.fromEntries(Object.entries(overhead).filter(([name]) => name in total));
  return addAmounts(total, applicable);
}

function amountsOf(resources: DeepReadonly<Container["resources"]> | undefined, part: Part): Amounts {
  return (resources?.[part] ?? {}) as Amounts;
}

function underQuotaNames(requests: Amounts, limits: Amounts): Amounts {
  const named: Record<string, string> = {};
  for (const [name, amount] of Object.entries(requests)) {
    if (computeNames.includes(name) || name.startsWith("hugepages-")) named[name] = amount;
    if (computeNames.includes(name) || name.startsWith("hugepages-") || name.includes("/"))
      named[`requests.${name}`] = amount;
  }
  for (const [name, amount] of Object.entries(limits))
    if (computeNames.includes(name)) named[`limits.${name}`] = amount;
  return named;
}
