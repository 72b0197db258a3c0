// Takes the victims of a preemption away: says in their status who did it and why, then deletes them with their own grace.
import { pods } from "@coxswain/api/core/v1";
import type { Client } from "@coxswain/client";
import { isConflict, isNotFound } from "@coxswain/client";
import { rfc3339 } from "@coxswain/clock";
import type { PodView } from "../core/resources.ts";
import { patchStatus } from "./condition.ts";

export async function evictVictim(
  client: Pick<Client, "resource">,
  victim: PodView,
  schedulerName: string,
  nowMs: number,
  signal: AbortSignal,
): Promise<void> {
  const condition = {
    type: "DisruptionTarget",
    status: "True",
    reason: "PreemptionByScheduler",
    message: `${schedulerName}: preempting to accommodate a higher priority pod`,
    lastTransitionTime: rfc3339(nowMs),
  };
  await patchStatus(client, victim, { conditions: [condition] }, signal);
  const { namespace, name, uid } = victim.metadata;
  try {
    await client
      .resource(pods)
      .delete({ namespace, name }, { signal, ...(uid === undefined ? {} : { preconditions: { uid } }) });
  } catch (error) {
    // Gone already, or another pod of its name: the room is free.
    if (!isNotFound(error) && !isConflict(error)) throw error;
  }
}
