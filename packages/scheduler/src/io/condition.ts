// Writes what became of an attempt into the pod's status: the condition PodScheduled=False with its reason, and the node that is
// being cleared for it. Only when it says something new.
import { pods } from "@coxswain/api/core/v1";
import type { Client } from "@coxswain/client";
import { isNotFound } from "@coxswain/client";
import { rfc3339 } from "@coxswain/clock";
import type { PodView } from "../core/resources.ts";

export interface Unscheduled {
  readonly reason: "Unschedulable" | "SchedulerError" | "SchedulingGated";
  readonly message: string;
  /** "" takes an earlier nomination back; undefined leaves it. */
  readonly nominatedNodeName: string | undefined;
}

export async function reportUnscheduled(
  client: Pick<Client, "resource">,
  pod: PodView,
  { reason, message, nominatedNodeName }: Unscheduled,
  nowMs: number,
  signal: AbortSignal,
): Promise<void> {
  const current = pod.status?.conditions?.find(({ type }) => type === "PodScheduled");
  const sameCondition = current?.status === "False" && current.reason === reason && current.message === message;
  const sameNode = nominatedNodeName === undefined || nominatedNodeName === (pod.status?.nominatedNodeName ?? "");
  if (sameCondition && sameNode) return;
  const lastTransitionTime =
    current?.status === "False" && current.lastTransitionTime !== undefined
      ? current.lastTransitionTime
      : rfc3339(nowMs);
  await patchStatus(
    client,
    pod,
    {
      conditions: [{ type: "PodScheduled", status: "False", reason, message, lastTransitionTime }],
      ...(sameNode ? {} : { nominatedNodeName: nominatedNodeName === "" ? null : nominatedNodeName }),
    },
    signal,
  );
}

/** Takes a nomination back. */
export async function clearNomination(
  client: Pick<Client, "resource">,
  pod: PodView,
  signal: AbortSignal,
): Promise<void> {
  if ((pod.status?.nominatedNodeName ?? "") === "") return;
  await patchStatus(client, pod, { nominatedNodeName: null }, signal);
}

/** A pod that has gone meanwhile, or was replaced by another of its name, needs no status. */
export async function patchStatus(
  client: Pick<Client, "resource">,
  pod: PodView,
  status: unknown,
  signal: AbortSignal,
): Promise<void> {
  const { namespace, name, uid } = pod.metadata;
  try {
    await client
      .resource(pods)
      .patch({ namespace, name }, { metadata: { uid }, status }, { type: "strategic", subresource: "status", signal });
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}
