// In which order pods are ended for a resource: first those that use more than they asked for, among them the least
// important, among these the greediest. As the kubelet's rank functions. Pure.
import type { Pod } from "@coxswain/api/core/v1";
import { requestsOf } from "../admission/admit.ts";

export interface PodUse {
  readonly pod: Pod;
  readonly memoryBytes: number;
  readonly diskBytes: number;
  readonly inodes: number;
  readonly processes: number;
  readonly containers: readonly ContainerUse[];
  /** By the emptyDir's name. */
  readonly volumes: ReadonlyMap<string, number>;
}

export interface ContainerUse {
  readonly name: string;
  readonly memoryBytes: number;
  /** Writable layer and log. */
  readonly diskBytes: number;
}

export function rankedFor(resource: string, pods: readonly PodUse[]): readonly PodUse[] {
  const over = (use: PodUse): number => useOf(resource, use) - requestOf(resource, use.pod);
  const exceeds = (use: PodUse): number => Number(knowsRequests(resource) && over(use) > 0);
  return pods.toSorted(
    (a, b) => exceeds(b) - exceeds(a) || (a.pod.spec?.priority ?? 0) - (b.pod.spec?.priority ?? 0) || over(b) - over(a),
  );
}

function useOf(resource: string, use: PodUse): number {
  switch (resource) {
    case "memory":
      return use.memoryBytes;
    case "ephemeral-storage":
      return use.diskBytes;
    case "inodes":
      return use.inodes;
    default:
      return use.processes;
  }
}

function knowsRequests(resource: string): boolean {
  return resource === "memory" || resource === "ephemeral-storage";
}

function requestOf(resource: string, pod: Pod): number {
  return knowsRequests(resource) ? (requestsOf(pod)[resource] ?? 0) : 0;
}
