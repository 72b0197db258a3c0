// What pods ask for and nodes offer, as plain numbers: CPU in thousandths, everything else in its unit. After Kubernetes'
// component-helpers/resource: containers add up, init containers count by their peak, sidecars stay, an amount for the pod
// as a whole goes before the sum, a resize in place counts by the larger of what is wanted and what is held. Sums that
// are equal are one object, so that a hundred thousand pods of one template share theirs.
import { quantityMillis, quantityUnits } from "@coxswain/apimachinery";
import type { DeepReadonly } from "@coxswain/apimachinery";
import type { Container, ContainerStatus, Node, Pod } from "@coxswain/api/core/v1";

export type PodView = DeepReadonly<Pod>;
export type NodeView = DeepReadonly<Node>;

/** Amounts by resource name ("cpu", "memory", "nvidia.com/gpu"). */
export type Amounts = ReadonlyMap<string, number>;

/** What scoring assumes for a container that asks for nothing, so that such pods are spread as well. */
const assumed: Amounts = new Map([
  ["cpu", 100],
  ["memory", 200 * 1024 * 1024],
]);
export const nothingAsked: Amounts = new Map();

/** What the node must have free for the pod. */
export function podRequests(pod: PodView): Amounts {
  return shared(sumOf(pod, (container) => held(pod, container)));
}

/** The same for scoring, with assumed amounts where nothing is asked. */
export function podRequestsForScoring(pod: PodView): Amounts {
  return shared(
    sumOf(pod, (container) => {
      const asked = held(pod, container);
      for (const [name, amount] of assumed) if (!asked.has(name)) asked.set(name, amount);
      return asked;
    }),
  );
}

export function nodeAllocatable(node: NodeView): Amounts {
  return shared(amounts(node.status?.allocatable));
}

const read = new Map<string, number>();
/** Texts of quantities that are remembered. */
const mostRead = 10_000;

export function amountOf(name: string, quantity: string | number): number {
  const key = `${name === "cpu" ? "m" : ""}${quantity}`;
  const known = read.get(key);
  if (known !== undefined) return known;
  const amount = name === "cpu" ? quantityMillis(String(quantity)) : quantityUnits(String(quantity));
  if (read.size >= mostRead) read.clear();
  read.set(key, amount);
  return amount;
}

type Quantities = Readonly<Record<string, string | number>> | undefined;

function amounts(quantities: Quantities): Map<string, number> {
  const result = new Map<string, number>();
  if (quantities === undefined) return result;
  for (const name in quantities) result.set(name, amountOf(name, quantities[name] ?? 0));
  return result;
}

/** What a container asks for, or holds, whichever is more: while it is resized in place both count. */
function held(pod: PodView, container: DeepReadonly<Container>): Map<string, number> {
  const asked = amounts(container.resources?.requests);
  const status = statusOf(pod, container.name);
  if (status === undefined) return asked;
  const { allocatedResources, resources } = status;
  if (allocatedResources === undefined && resources?.requests === undefined) return asked;
  // A resize that will never happen is not counted: only what the container has.
  const result = isResizeInfeasible(pod) ? new Map<string, number>() : asked;
  raiseTo(result, amounts(allocatedResources));
  raiseTo(result, amounts(resources?.requests));
  return result;
}

function statusOf(pod: PodView, name: string): DeepReadonly<ContainerStatus> | undefined {
  if (pod.status?.containerStatuses === undefined && pod.status?.initContainerStatuses === undefined) return undefined;
  const named = (status: DeepReadonly<ContainerStatus>): boolean => status.name === name;
  return pod.status.containerStatuses?.find(named) ?? pod.status.initContainerStatuses?.find(named);
}

function isResizeInfeasible(pod: PodView): boolean {
  return (pod.status?.conditions ?? []).some(
    ({ type, status, reason }) => type === "PodResizePending" && status === "True" && reason === "Infeasible",
  );
}

function sumOf(
  pod: PodView,
  requests: (container: DeepReadonly<Container>) => Map<string, number>,
): Map<string, number> {
  const total = new Map<string, number>();
  for (const container of pod.spec?.containers ?? []) addTo(total, requests(container));
  if ((pod.spec?.initContainers ?? []).length > 0) {
    const sidecars = new Map<string, number>();
    const peak = new Map<string, number>();
    for (const container of pod.spec?.initContainers ?? []) {
      const asked = requests(container);
      if (container.restartPolicy === "Always") {
        addTo(total, asked);
        addTo(sidecars, asked);
        raiseTo(peak, sidecars);
      } else {
        addTo(asked, sidecars);
        raiseTo(peak, asked);
      }
    }
    raiseTo(total, peak);
  }
  for (const [name, amount] of amounts(pod.spec?.resources?.requests)) total.set(name, amount);
  addTo(total, amounts(pod.spec?.overhead));
  return total;
}

export function addTo(total: Map<string, number>, amount: Amounts): void {
  for (const [name, value] of amount) total.set(name, (total.get(name) ?? 0) + value);
}

export function takeFrom(total: Map<string, number>, amount: Amounts): void {
  for (const [name, value] of amount) total.set(name, (total.get(name) ?? 0) - value);
}

function raiseTo(total: Map<string, number>, amount: Amounts): void {
  for (const [name, value] of amount) total.set(name, Math.max(total.get(name) ?? 0, value));
}

const sums = new Map<string, Amounts>();
const mostSums = 10_000;

/** The one object for these amounts. Only a memory: forgetting it changes nothing. */
function shared(sum: Amounts): Amounts {
  if (sum.size === 0) return nothingAsked;
  let key = "";
  for (const [name, amount] of sum) key += `${name}=${amount},`;
  const known = sums.get(key);
  if (known !== undefined) return known;
  if (sums.size >= mostSums) sums.clear();
  sums.set(key, sum);
  return sum;
}
