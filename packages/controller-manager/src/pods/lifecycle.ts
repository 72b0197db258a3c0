// Making and removing a pod on behalf of its owner, for every controller that has pods: with the events that people look for, and with the
// memory of own writes. Deciding which is the plans' business.
import type { Pod } from "@coxswain/api/core/v1";
import type { DeepReadonly } from "@coxswain/apimachinery";
import { isConflict, isNotFound } from "@coxswain/client";
import type { ResourceClient } from "@coxswain/client";
import type { EventRecorder, OwnWrites } from "@coxswain/controller";
import { untilKnown } from "../ownership/create-once.ts";
import type { Creator } from "../ownership/create-once.ts";
import type { ReadonlyPod } from "./state.ts";

export interface PodPorts {
  readonly pods: ResourceClient<Pod>;
  readonly writes: OwnWrites<Pod>;
  readonly creator: Creator<Pod>;
  readonly events: EventRecorder;
}

type Owner = Parameters<EventRecorder["record"]>[0];

/** Makes the pod; what goes wrong is told and thrown. `key` is the owner's. */
export async function createPod(
  { creator, events }: PodPorts,
  key: string,
  owner: Owner,
  pod: DeepReadonly<Pod>,
  signal: AbortSignal,
): Promise<void> {
  try {
    const made = await creator.create(key, pod, signal);
    events.record(owner, "Normal", "SuccessfulCreate", `Created pod: ${made.metadata.name}`);
  } catch (error) {
    if (!signal.aborted) events.record(owner, "Warning", "FailedCreate", `Error creating: ${messageOf(error)}`);
    throw error;
  }
}

/** Removes exactly this pod. One that is gone already, or is another one by now, is as good as removed. */
export async function removePod(
  { pods, writes }: Pick<PodPorts, "pods" | "writes">,
  key: string,
  pod: ReadonlyPod,
  signal: AbortSignal,
): Promise<void> {
  const { namespace, name, uid } = pod.metadata;
  try {
    await untilKnown(() => pods.delete({ namespace, name }, { preconditions: { uid: uid ?? "" }, signal }), signal);
  } catch (error) {
    if (!isNotFound(error) && !isConflict(error)) throw error;
  }
  writes.deleted(key, pod);
}

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
