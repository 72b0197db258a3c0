// Whether the node takes a pod that is bound to it: the kubelet's last check, in its words. The scheduler has asked the same, but
// somebody may have bound the pod by hand, or two schedulers did. Pods that were here before are not asked again. Pure.
import type { Node, Pod } from "@coxswain/api/core/v1";
import { amountOf } from "../container/amount.ts";
import { qosOf } from "../container/resources.ts";

export interface Rejection {
  readonly reason: string;
  readonly message: string;
}

export interface AdmissionView {
  /** As the node's object has it, names and all: cpu, memory, pods, and whatever else somebody offers. */
  readonly allocatable: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly taints: NonNullable<NonNullable<Node["spec"]>["taints"]>;
  /** Conditions of pressure that hold. */
  readonly pressures: readonly string[];
  /** Pods that are here and have not ended. */
  readonly others: readonly Pod[];
}

/** Undefined: the pod is taken. */
export function rejectionOf(pod: Pod, view: AdmissionView): Rejection | undefined {
  return pressed(pod, view) ?? misplaced(pod, view) ?? short(pod, view) ?? clashing(pod, view);
}

export function isCritical(pod: Pod): boolean {
  const annotations = pod.metadata.annotations ?? {};
  const isStatic =
    annotations["kubernetes.io/config.source"] !== undefined && annotations["kubernetes.io/config.source"] !== "api";
  return isStatic || (pod.spec?.priority ?? 0) >= 2_000_000_000;
}

/** Under pressure of memory only what asks for some is taken; under others nothing. */
function pressed(pod: Pod, { pressures }: AdmissionView): Rejection | undefined {
  if (pressures.length === 0 || isCritical(pod)) return undefined;
  const onlyMemory = pressures.every((type) => type === "MemoryPressure");
  if (onlyMemory && qosOf(pod) !== "BestEffort") return undefined;
  const tolerated = (pod.spec?.tolerations ?? []).some(
    ({ key, effect }) => key === "node.kubernetes.io/memory-pressure" && (!effect || effect === "NoSchedule"),
  );
  if (onlyMemory && tolerated) return undefined;
  return { reason: "Evicted", message: `The node had condition: [${pressures.join(" ")}]. ` };
}

function misplaced(pod: Pod, { labels, taints }: AdmissionView): Rejection | undefined {
  const selector = Object.entries(pod.spec?.nodeSelector ?? {});
  if (selector.some(([key, value]) => labels[key] !== value))
    return predicate("NodeAffinity", "node(s) didn't match Pod's node affinity/selector");
  const untolerated = taints.some(
    (taint) =>
      taint.effect === "NoExecute" &&
      !(pod.spec?.tolerations ?? []).some(
        ({ key, operator = "Equal", value = "", effect }) =>
          (!effect || effect === taint.effect) &&
          ((!key && operator === "Exists") ||
            (key === taint.key && (operator === "Exists" || value === (taint.value ?? "")))),
      ),
  );
  return untolerated && !isCritical(pod)
    ? predicate("TaintToleration", "node(s) had taints that the pod didn't tolerate")
    : undefined;
}

function predicate(name: string, what: string): Rejection {
  return { reason: name, message: `Predicate ${name} failed: ${what}` };
}

function short(pod: Pod, { allocatable, others }: AdmissionView): Rejection | undefined {
  const wanted = { ...requestsOf(pod), pods: 1 };
  const taken = others.map((other): Readonly<Record<string, number>> => ({ ...requestsOf(other), pods: 1 }));
  for (const [name, requested] of Object.entries(wanted).toSorted(byResource)) {
    if (requested === 0 || !(name in allocatable)) {
      // Extended resources that nobody offers: kubelets let such pods pass only when they ask for none.
      if (requested === 0 || !name.includes("/")) continue;
    }
    const used = taken.reduce((sum, one) => sum + (one[name] ?? 0), 0);
    const capacity = inUnits(name, allocatable[name]);
    if (requested > capacity - used)
      return {
        reason: `OutOf${name}`,
        message: `Node didn't have enough resource: ${name}, requested: ${requested}, used: ${used}, capacity: ${capacity}`,
      };
  }
  return undefined;
}

/** Pods, cpu and memory are looked at first, as the kubelet does. */
function byResource([a]: readonly [string, number], [b]: readonly [string, number]): number {
  const order = ["pods", "cpu", "memory", "ephemeral-storage"];
  const rank = (name: string): number => (order.includes(name) ? order.indexOf(name) : order.length);
  return rank(a) - rank(b) || (a < b ? -1 : 1);
}

/** What the scheduler counts: all containers together, or the hungriest moment of the init containers; cpu in thousandths. */
export function requestsOf(pod: Pod): Readonly<Record<string, number>> {
  const { containers = [], initContainers = [], overhead = {}, resources } = pod.spec ?? {};
  const of = (container: (typeof containers)[number]): Readonly<Record<string, number>> => {
    const { requests = {}, limits = {} } = container.resources ?? {};
    return Object.fromEntries(
      Object.entries({ ...limits, ...requests }).map(([name, quantity]) => [name, inUnits(name, quantity)]),
    );
  };
  const total: Record<string, number> = {};
  const plus = (one: Readonly<Record<string, number>>): void => {
    for (const [name, amount] of Object.entries(one)) total[name] = (total[name] ?? 0) + amount;
  };
  const sidecars: Record<string, number> = {};
  const peaks: Record<string, number> = {};
  for (const container of initContainers) {
    const own = of(container);
    const isSidecar = container.restartPolicy === "Always";
    for (const [name, amount] of Object.entries(own)) {
      peaks[name] = Math.max(peaks[name] ?? 0, amount + (sidecars[name] ?? 0));
      if (isSidecar) sidecars[name] = (sidecars[name] ?? 0) + amount;
    }
  }
  for (const container of containers) plus(of(container));
  plus(sidecars);
  for (const [name, peak] of Object.entries(peaks)) total[name] = Math.max(total[name] ?? 0, peak);
  // What the pod asks for as a whole wins.
  for (const [name, quantity] of Object.entries({ ...resources?.limits, ...resources?.requests }))
    total[name] = inUnits(name, quantity);
  plus(Object.fromEntries(Object.entries(overhead).map(([name, quantity]) => [name, inUnits(name, quantity)])));
  return total;
}

function inUnits(name: string, quantity: string | undefined): number {
  const amount = amountOf(quantity) ?? 0;
  return Math.ceil(name === "cpu" ? amount * 1000 : amount);
}

function clashing(pod: Pod, { others }: AdmissionView): Rejection | undefined {
  const taken = others.flatMap(hostPortsOf);
  const clash = hostPortsOf(pod).some((port) => taken.some((other) => isSamePort(port, other)));
  return clash ? predicate("NodePorts", "node(s) didn't have free ports for the requested pod ports") : undefined;
}

interface TakenPort {
  readonly key: string;
  /** "" for every address of the machine. */
  readonly ip: string;
}

function isSamePort(a: TakenPort, b: TakenPort): boolean {
  return a.key === b.key && (a.ip === b.ip || a.ip === "" || b.ip === "");
}

/** Sidecars go on beside the others, and so do their ports. */
function hostPortsOf(pod: Pod): readonly TakenPort[] {
  const { containers = [], initContainers = [] } = pod.spec ?? {};
  return [...containers, ...initContainers.filter(({ restartPolicy }) => restartPolicy === "Always")].flatMap(
    ({ ports = [] }) =>
      ports
        .filter((port) => (port.hostPort ?? 0) > 0)
        .map(({ protocol = "TCP", hostIP = "", hostPort }) => ({
          key: `${protocol} ${hostPort}`,
          ip: hostIP === "0.0.0.0" || hostIP === "::" ? "" : hostIP,
        })),
  );
}
