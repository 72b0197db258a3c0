// In-place resize: whether a pod's newly wanted cpu and memory fit the node, which running containers do not have theirs yet, and
// whether they get them as they run or by a restart (resizePolicy). What the runtime has set is seen, not remembered.
import type { Container, Pod, ResourceRequirements } from "@coxswain/api/core/v1";
import { amountOf } from "../container/amount.ts";
import { containerResources } from "../container/resources.ts";
import { containersOf, isSidecar, knownStatus } from "./lifecycle.ts";
import type { ContainerView, PodView } from "./view.ts";

export interface Amounts {
  readonly cpu: number;
  readonly memoryBytes: number;
}

export type ResizeVerdict =
  | { readonly kind: "none" }
  | { readonly kind: "pending"; readonly reason: "Infeasible" | "Deferred"; readonly message: string }
  | { readonly kind: "inProgress"; readonly error: string | undefined };

export function resizeVerdict(view: PodView): ResizeVerdict {
  const { init, regular } = containersOf(view.pod);
  const resizable = [...regular, ...init.filter(isSidecar)];
  const unequal = resizable.filter((container) => {
    const running = runningAttempt(view, container.name);
    return running !== undefined && differences(view, container, running).length > 0;
  });
  if (unequal.length === 0) return { kind: "none" };
  const wanted = podRequests(view.pod);
  const beyond = lacking(wanted, view.node.allocatable);
  if (beyond !== undefined)
    return { kind: "pending", reason: "Infeasible", message: `Node didn't have enough capacity: ${beyond}` };
  const grown = lacking(wanted, view.node.room);
  // Whoever takes less than before is always let.
  if (grown !== undefined && lacking(wanted, allocated(view.pod)) !== undefined)
    return { kind: "pending", reason: "Deferred", message: `Node didn't have enough resource: ${grown}` };
  const errors = unequal.flatMap(({ name }) => view.resizeFailures.get(name)?.message ?? []);
  return { kind: "inProgress", error: errors[0] };
}

/** What is to be done about one running container. */
export function resizeStep(view: PodView, container: Container, running: ContainerView): "none" | "update" | "restart" {
  const changed = differences(view, container, running);
  if (changed.length === 0 || resizeVerdict(view).kind !== "inProgress") return "none";
  const restarts = (container.resizePolicy ?? []).filter((policy) => policy.restartPolicy === "RestartContainer");
  return restarts.some((policy) => changed.some((name) => name === policy.resourceName)) ? "restart" : "update";
}

/** The resources that a container is to begin with: those it had while the new ones must wait. */
export function effectiveResources(view: PodView, container: Container): ResourceRequirements | undefined {
  if (resizeVerdict(view).kind !== "pending") return container.resources;
  return knownStatus(view.pod, container.name)?.resources ?? container.resources;
}

/** Which of cpu and memory the runtime has set otherwise than wanted. Unknown is as wanted. */
export function differences(
  view: PodView,
  container: Container,
  running: ContainerView,
): readonly ("cpu" | "memory")[] {
  const has = running.resources;
  if (!has) return [];
  const wants = containerResources(view.pod, container, view.node.memoryBytes);
  const cpu = wants.cpuShares !== has.cpuShares || (wants.cpuQuotaUs ?? 0) !== (has.cpuQuotaUs ?? 0);
  const memory = (wants.memoryBytes ?? 0) !== (has.memoryBytes ?? 0);
  return [...(cpu ? (["cpu"] as const) : []), ...(memory ? (["memory"] as const) : [])];
}

export function podRequests(pod: Pod): Amounts {
  const { init, regular } = containersOf(pod);
  const { cpu, memoryBytes } = sum([...regular, ...init.filter(isSidecar)].map(({ resources }) => resources?.requests));
  const ofPod = { ...pod.spec?.resources?.limits, ...pod.spec?.resources?.requests };
  return { cpu: amountOf(ofPod["cpu"]) ?? cpu, memoryBytes: amountOf(ofPod["memory"]) ?? memoryBytes };
}

function allocated(pod: Pod): Amounts {
  const { init, regular } = containersOf(pod);
  return sum([...regular, ...init.filter(isSidecar)].map(({ name }) => knownStatus(pod, name)?.allocatedResources));
}

function sum(requests: readonly (Readonly<Record<string, string>> | undefined)[]): Amounts {
  const of = (name: string): number => requests.reduce((total, request) => total + (amountOf(request?.[name]) ?? 0), 0);
  return { cpu: of("cpu"), memoryBytes: of("memory") };
}

/** In millicores and bytes, as the kubelet says it. */
function lacking(wanted: Amounts, there: Amounts): string | undefined {
  if (wanted.cpu > there.cpu)
    return `cpu, requested: ${Math.round(wanted.cpu * 1000)}, capacity: ${Math.max(0, Math.round(there.cpu * 1000))}`;
  if (wanted.memoryBytes > there.memoryBytes)
    return `memory, requested: ${wanted.memoryBytes}, capacity: ${Math.max(0, there.memoryBytes)}`;
  return undefined;
}

function runningAttempt(view: PodView, name: string): ContainerView | undefined {
  return view.containers.find((container) => container.name === name && container.state === "running");
}
