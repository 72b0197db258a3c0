// Writes the condition PodScheduled=False with its reason, only when it says something new.
import { pods } from "@coxswain/api/core/v1";
import type { Client } from "@coxswain/client";
import { isNotFound } from "@coxswain/client";
import { rfc3339 } from "@coxswain/clock";
import type { PodView } from "../core/resources.ts";

export interface UnscheduledCondition {
  readonly reason: "Unschedulable" | "SchedulerError";
  readonly message: string;
}

export async function reportUnscheduled(
  client: Pick<Client, "resource">,
  pod: PodView,
  condition: UnscheduledCondition,
  nowMs: number,
  signal: AbortSignal,
): Promise<void> {
  const current = pod.status?.conditions?.find(({ type }) => type === "PodScheduled");
  if (current?.status === "False" && current.reason === condition.reason && current.message === condition.message)
    return;
  const lastTransitionTime =
    current?.status === "False" && current.lastTransitionTime !== undefined
      ? current.lastTransitionTime
      : rfc3339(nowMs);
  const patch = {
    metadata: { uid: pod.metadata.uid },
    status: { conditions: [{ type: "PodScheduled", status: "False", ...condition, lastTransitionTime }] },
  };
  try {
    await client.resource(pods).patch({ namespace: pod.metadata.namespace, name: pod.metadata.name }, patch, {
      type: "strategic",
      subresource: "status",
      signal,
    });
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}
