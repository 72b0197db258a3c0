// Turns what the informers tell into the scheduler's view: which pods wait, what the nodes hold, and which events may help
// those that found no node.
import { objectKey } from "@coxswain/apimachinery";
import type { InformerEvent } from "@coxswain/controller";
import type { Node, Pod } from "@coxswain/api/core/v1";
import type { ClusterState } from "./core/cluster.ts";
import type { ClusterEvent } from "./core/event.ts";
import type { SchedulingQueue } from "./core/queue.ts";
import { podRequests } from "./core/resources.ts";
import type { PodView } from "./core/resources.ts";

export interface View {
  readonly cluster: ClusterState;
  readonly queue: SchedulingQueue;
  /** Profiles that there are, by scheduler name. */
  readonly schedulerNames: ReadonlySet<string>;
}

export function observeNode({ cluster, queue }: View, event: InformerEvent<Node>, nowMs: number): void {
  if (event.type === "deleted") {
    cluster.removeNode(event.object.metadata.name);
    return;
  }
  cluster.setNode(event.object);
  const change: ClusterEvent =
    event.type === "added"
      ? { type: "node-added", node: event.object }
      : { type: "node-updated", node: event.object, old: event.old };
  queue.wake(change, nowMs);
}

export function observePod({ cluster, queue, schedulerNames }: View, event: InformerEvent<Pod>, nowMs: number): void {
  const pod = event.object;
  const key = objectKey(pod);
  const before = event.type === "updated" ? event.old : event.type === "deleted" ? pod : undefined;
  const after = event.type === "deleted" ? undefined : pod;

  // An event from before a binding that is known by now: a pod is never unbound.
  if (after !== undefined && isLate(cluster, after, key)) return;
  // A pod whose binding is under way stays taken in the queue: it is not tried again before that has ended.
  if (after !== undefined && awaitsNode(after, schedulerNames)) {
    queue.set(after, nowMs);
    renominate(cluster, after, before, key);
  } else {
    queue.remove(key);
    cluster.nominations.remove(key);
  }

  if (after === undefined) cluster.removePod(key);
  else cluster.setPod(after);

  if (
    before !== undefined &&
    takesRoom(before) &&
    (after === undefined || !takesRoom(after) || asksForLess(before, after))
  )
    queue.wake({ type: "pod-gone", pod: before }, nowMs);
  if (
    after !== undefined &&
    takesRoom(after) &&
    (before === undefined || !takesRoom(before) || before.metadata.labels !== after.metadata.labels)
  ) {
    queue.wake({ type: "pod-placed", pod: after }, nowMs);
  }
}

/** Whether a pod is one of these schedulers' to place. */
export function awaitsNode(pod: PodView, schedulerNames: ReadonlySet<string>): boolean {
  const { nodeName = "", schedulerName = "default-scheduler" } = pod.spec ?? {};
  const ended = pod.status?.phase === "Succeeded" || pod.status?.phase === "Failed";
  return nodeName === "" && schedulerNames.has(schedulerName) && pod.metadata.deletionTimestamp === undefined && !ended;
}

function isLate(cluster: ClusterState, pod: PodView, key: string): boolean {
  if ((pod.spec?.nodeName ?? "") !== "" || cluster.isAssumed(key)) return false;
  const placed = cluster.placed(key);
  return placed !== undefined && placed.pod.metadata.uid === pod.metadata.uid;
}

/** A promise that the API tells of (of a scheduler before us, say), or that was taken back there. */
function renominate(cluster: ClusterState, pod: PodView, old: PodView | undefined, key: string): void {
  const told = pod.status?.nominatedNodeName ?? "";
  if (told === (old?.status?.nominatedNodeName ?? "")) return;
  if (cluster.isAssumed(key)) return;
  if (told !== "") cluster.nominations.set(pod, told);
  else cluster.nominations.remove(key);
}

function takesRoom(pod: PodView): boolean {
  return (pod.spec?.nodeName ?? "") !== "" && pod.status?.phase !== "Succeeded" && pod.status?.phase !== "Failed";
}

/** It was resized in place and holds less now. */
function asksForLess(before: PodView, after: PodView): boolean {
  const [old, now] = [podRequests(before), podRequests(after)];
  return old !== now && [...old].some(([name, amount]) => (now.get(name) ?? 0) < amount);
}
