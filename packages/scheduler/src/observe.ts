// Turns what the informers tell into the scheduler's view: which pods wait, what the nodes hold, and which events may help
// those that found no node.
import { objectKey } from "@coxswain/apimachinery";
import type { InformerEvent } from "@coxswain/controller";
import type { Node, Pod } from "@coxswain/api/core/v1";
import type { ClusterState } from "./core/cluster.ts";
import type { ClusterEvent } from "./core/plugin.ts";
import type { SchedulingQueue } from "./core/queue.ts";
import type { PodView } from "./core/resources.ts";
import { awaitsNode } from "./loop.ts";

export interface View {
  readonly cluster: ClusterState;
  readonly queue: SchedulingQueue;
  readonly schedulerName: string;
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

export function observePod({ cluster, queue, schedulerName }: View, event: InformerEvent<Pod>, nowMs: number): void {
  const pod = event.object;
  const key = objectKey(pod);
  const before = event.type === "updated" ? event.old : event.type === "deleted" ? pod : undefined;
  const after = event.type === "deleted" ? undefined : pod;

  // A pod whose binding is under way stays taken in the queue: it is not tried again before that has ended.
  if (after !== undefined && awaitsNode(after, schedulerName)) queue.set(after, nowMs);
  else queue.remove(key);

  if (after === undefined) cluster.removePod(key);
  else cluster.setPod(after);

  if (before !== undefined && takesRoom(before) && (after === undefined || !takesRoom(after)))
    queue.wake({ type: "pod-gone", pod: before }, nowMs);
  if (
    after !== undefined &&
    takesRoom(after) &&
    (before === undefined || !takesRoom(before) || before.metadata.labels !== after.metadata.labels)
  ) {
    queue.wake({ type: "pod-placed", pod: after }, nowMs);
  }
}

function takesRoom(pod: PodView): boolean {
  return (pod.spec?.nodeName ?? "") !== "" && pod.status?.phase !== "Succeeded" && pod.status?.phase !== "Failed";
}
