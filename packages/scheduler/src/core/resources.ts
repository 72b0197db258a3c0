// What pods ask for and nodes offer, as plain numbers: CPU in thousandths, everything else in its unit. After Kubernetes'
// component-helpers/resource: containers add up, init containers count by their peak, sidecars stay.
import { quantityMillis, quantityUnits } from "@coxswain/apimachinery";
import type { DeepReadonly } from "@coxswain/apimachinery";
import type { Container, Node, Pod } from "@coxswain/api/core/v1";

export type PodView = DeepReadonly<Pod>;
export type NodeView = DeepReadonly<Node>;

/** Amounts by resource name ("cpu", "memory", "nvidia.com/gpu"). */
export type Amounts = ReadonlyMap<string, number>;

/** What scoring assumes for a container that asks for nothing, so that such pods are spread as well. */
const assumed: Amounts = new Map([
  ["cpu", 100],
  ["memory", 200 * 1024 * 1024],
]);

/** What the node must have free for the pod. */
export function podRequests(pod: PodView): Amounts {
  return sumOf(pod, (container) => amounts(container.resources?.requests));
}

/** The same for scoring, with assumed amounts where nothing is asked. */
export function podRequestsForScoring(pod: PodView): Amounts {
  return sumOf(pod, (container) => {
    const asked = amounts(container.resources?.requests);
    for (const [name, amount] of assumed) if (!asked.has(name)) asked.set(name, amount);
    return asked;
  });
}

export function nodeAllocatable(node: NodeView): Amounts {
  return amounts(node.status?.allocatable);
}

export function amountOf(name: string, quantity: string | number): number {
  return name === "cpu" ? quantityMillis(String(quantity)) : quantityUnits(String(quantity));
}

function amounts(quantities: Readonly<Record<string, string | number>> | undefined): Map<string, number> {
  const result = new Map<string, number>();
  for (const [name, quantity] of Object.entries(quantities ?? {})) result.set(name, amountOf(name, quantity));
  return result;
}

function sumOf(pod: PodView, requests: (container: DeepReadonly<Container>) => Map<string, number>): Amounts {
  const total = new Map<string, number>();
  for (const container of pod.spec?.containers ?? []) addTo(total, requests(container));
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
  for (const [name, quantity] of Object.entries(pod.spec?.resources?.requests ?? {}))
    total.set(name, amountOf(name, quantity));
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
