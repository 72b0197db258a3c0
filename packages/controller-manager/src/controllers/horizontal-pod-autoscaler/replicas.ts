// How many replicas a metric asks for. Pure; the arithmetic is that of Kubernetes' replica calculator: pods that are not ready count
// as idle when that slows growth, pods without a sample count as busy when that slows shrinking. All amounts are in thousandths.
import type { Container } from "@coxswain/api/core/v1";
import type { DeepReadonly } from "@coxswain/apimachinery";
import { quantityMillis } from "@coxswain/apimachinery";
import { parseRfc3339 } from "@coxswain/clock";
import { condition } from "../../pods/state.ts";
import type { ReadonlyPod } from "../../pods/state.ts";

export interface Sample {
  readonly milli: number;
  readonly atMs: number;
  /** The span that the sample speaks of. */
  readonly windowMs: number;
}

export interface Tolerance {
  readonly up: number;
  readonly down: number;
}

export interface Population {
  readonly pods: readonly ReadonlyPod[];
  readonly currentReplicas: number;
  readonly tolerance: Tolerance;
  readonly nowMs: number;
  /** For so long after its start a pod's CPU is believed only while it is ready. */
  readonly cpuInitializationMs: number;
  /** A pod that became unready this soon after its start has never been ready. */
  readonly readinessDelayMs: number;
}

export interface Count {
  readonly replicas: number;
  /** What each pod uses on average. */
  readonly averageMilli: number;
  readonly utilization?: number;
}

/** A sentence for people instead of a count. */
export interface Wrong {
  readonly wrong: string;
}

interface Usage {
  readonly ratio: number;
  readonly averageMilli: number;
  readonly utilization?: number;
}

/** The count at which pods use `target` percent of what they request, of the whole pod or of one container. */
export function replicasForUtilization(
  population: Population,
  samples: ReadonlyMap<string, Sample>,
  resource: string,
  target: number,
  container?: string,
): Count | Wrong {
  if (population.pods.length === 0) return noPods;
  const requests = new Map<string, number>();
  for (const pod of population.pods) {
    const request = requestOf(pod, resource, container);
    if (typeof request !== "number") return request;
    requests.set(pod.metadata.name, request);
  }
  const measure = (used: ReadonlyMap<string, number>): Usage | Wrong => {
    const known = [...used].filter(([name]) => requests.has(name));
    const total = sum(known.map(([, milli]) => milli));
    const requested = sum(known.map(([name]) => requests.get(name) ?? 0));
    if (requested === 0) return { wrong: "no metrics returned matched known pods" };
    const utilization = Math.trunc((total * 100) / requested);
    return { ratio: utilization / target, utilization, averageMilli: Math.trunc(total / known.length) };
  };
  const busy = (name: string): number => Math.trunc(((requests.get(name) ?? 0) * Math.max(100, target)) / 100);
  return count(population, samples, resource, measure, busy);
}

/** The count at which pods use `targetMilli` each on average. */
export function replicasForAverage(
  population: Population,
  samples: ReadonlyMap<string, Sample>,
  resource: string,
  targetMilli: number,
): Count | Wrong {
  if (population.pods.length === 0) return noPods;
  const measure = (used: ReadonlyMap<string, number>): Usage => {
    const averageMilli = Math.trunc(sum([...used.values()]) / used.size);
    return { ratio: averageMilli / targetMilli, averageMilli };
  };
  return count(population, samples, resource, measure, () => targetMilli);
}

/** The count for one value that belongs to all pods together, compared with a target for all of them. */
export function replicasForTotal(population: Population, valueMilli: number, targetMilli: number): number | Wrong {
  const ratio = valueMilli / targetMilli;
  if (population.currentReplicas === 0) return Math.ceil(ratio);
  if (isWithin(ratio, population.tolerance)) return population.currentReplicas;
  if (population.pods.length === 0) return { wrong: `unable to calculate ready pods: ${noPods.wrong}` };
  const ready = population.pods.filter(
    (pod) => pod.status?.phase === "Running" && condition(pod, "Ready")?.status === "True",
  );
  return Math.ceil(ratio * ready.length);
}

/** The count for one value that belongs to all pods together, compared with a target for each of them. */
export function replicasForShare(
  valueMilli: number,
  targetMilli: number,
  statusReplicas: number,
  tolerance: Tolerance,
): Count {
  const within = isWithin(valueMilli / (targetMilli * statusReplicas), tolerance);
  const replicas = within ? statusReplicas : Math.ceil(valueMilli / targetMilli);
  return { replicas, averageMilli: statusReplicas === 0 ? valueMilli : Math.ceil(valueMilli / statusReplicas) };
}

const noPods: Wrong = { wrong: "no pods returned by selector while calculating replica count" };
const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
const isWithin = (ratio: number, { up, down }: Tolerance): boolean => 1 - down <= ratio && ratio <= 1 + up;

function count(
  population: Population,
  samples: ReadonlyMap<string, Sample>,
  resource: string,
  measure: (used: ReadonlyMap<string, number>) => Usage | Wrong,
  /** What a pod without a sample is held to use when the question is whether to shrink. */
  busy: (pod: string) => number,
): Count | Wrong {
  const { currentReplicas, tolerance } = population;
  const groups = groupPods(population, samples, resource);
  const used = new Map([...samples].map(([name, { milli }]) => [name, milli]));
  for (const name of [...groups.leaving, ...groups.unready]) used.delete(name);
  if (used.size === 0) return { wrong: "did not receive metrics for targeted pods (pods might be unready)" };
  const first = measure(used);
  if ("wrong" in first) return first;
  const { ratio, ...seen } = first;
  const unreadyMatters = groups.unready.length > 0 && ratio > 1;
  if (!unreadyMatters && groups.missing.length === 0) {
    const replicas = isWithin(ratio, tolerance) ? currentReplicas : Math.ceil(ratio * groups.ready);
    return { replicas, ...seen };
  }
  if (ratio !== 1) for (const name of groups.missing) used.set(name, ratio < 1 ? busy(name) : 0);
  if (unreadyMatters) for (const name of groups.unready) used.set(name, 0);
  const second = measure(used);
  if ("wrong" in second) return second;
  // What is assumed of pods that say nothing may slow a change down, never turn it round.
  const turned = (ratio < 1 && second.ratio > 1) || (ratio > 1 && second.ratio < 1);
  if (turned || isWithin(second.ratio, tolerance)) return { replicas: currentReplicas, ...seen };
  const replicas = Math.ceil(second.ratio * used.size);
  const backwards =
    (second.ratio < 1 && replicas > currentReplicas) || (second.ratio > 1 && replicas < currentReplicas);
  return { replicas: backwards ? currentReplicas : replicas, ...seen };
}

function groupPods(population: Population, samples: ReadonlyMap<string, Sample>, resource: string) {
  const groups = { ready: 0, unready: [] as string[], missing: [] as string[], leaving: [] as string[] };
  for (const pod of population.pods) {
    const { name, deletionTimestamp } = pod.metadata;
    const sample = samples.get(name);
    if (deletionTimestamp !== undefined || pod.status?.phase === "Failed") groups.leaving.push(name);
    else if (pod.status?.phase === "Pending") groups.unready.push(name);
    else if (sample === undefined) groups.missing.push(name);
    else if (resource === "cpu" && isStillStarting(pod, sample, population)) groups.unready.push(name);
    else groups.ready += 1;
  }
  return groups;
}

/** CPU that a pod burns while it starts says nothing about its load. */
function isStillStarting(pod: ReadonlyPod, sample: Sample, population: Population): boolean {
  const ready = condition(pod, "Ready");
  const startedMs = parseRfc3339(pod.status?.startTime ?? "");
  if (ready === undefined || startedMs === undefined) return true;
  const changedMs = parseRfc3339(ready.lastTransitionTime ?? "") ?? 0;
  const unready = ready.status === "False";
  if (startedMs + population.cpuInitializationMs > population.nowMs)
    return unready || sample.atMs < changedMs + sample.windowMs;
  return unready && startedMs + population.readinessDelayMs > changedMs;
}

function requestOf(pod: ReadonlyPod, resource: string, container: string | undefined): number | Wrong {
  const whole = pod.spec?.resources?.requests?.[resource];
  if (container === undefined && whole !== undefined) return quantityMillis(whole);
  const sidecars = (pod.spec?.initContainers ?? []).filter((one) => one.restartPolicy === "Always");
  const containers: readonly DeepReadonly<Container>[] = [...(pod.spec?.containers ?? []), ...sidecars];
  let total = 0;
  for (const one of containers) {
    if (container !== undefined && one.name !== container) continue;
    const request = one.resources?.requests?.[resource];
    if (request === undefined)
      return { wrong: `missing request for ${resource} in container ${one.name} of Pod ${pod.metadata.name}` };
    total += quantityMillis(request);
  }
  return total;
}
