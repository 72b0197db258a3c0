// Beyond Kubernetes, for Deployments that ask for it (coxswain.io/rollback-on-deadline: "true"): a rollout that misses its progress
// deadline goes back to the last one that was complete. Once: a way back that fails as well stays where it is, for a person to look at.
import type { Deployment, ReplicaSet } from "@coxswain/api/apps/v1";
import type { DeepReadonly } from "@coxswain/apimachinery";
import { byRevision, rollbackMarks } from "./annotations.ts";
import { available } from "./shares.ts";

type Set = DeepReadonly<ReplicaSet>;

export const wantsRollback = (deployment: DeepReadonly<Deployment>): boolean =>
  deployment.metadata.annotations?.[rollbackMarks.wanted] === "true";

/** The set to go back to, if the rollout of `newSet` has failed and there is one. */
export function rollbackTarget(
  deployment: DeepReadonly<Deployment>,
  newSet: Set,
  oldSets: readonly Set[],
): Set | undefined {
  const { [rollbackMarks.from]: from, [rollbackMarks.to]: to } = deployment.metadata.annotations ?? {};
  if (!wantsRollback(deployment) || deployment.spec?.paused || to === newSet.metadata.name) return undefined;
  // The condition outlives a change of the template: only one that names this set speaks of it.
  const late = deployment.status?.conditions?.some(
    ({ type, reason, message }) =>
      type === "Progressing" &&
      reason === "ProgressDeadlineExceeded" &&
      message?.includes(`"${newSet.metadata.name}"`) === true,
  );
  if (!late) return undefined;
  const others = oldSets
    .filter(({ metadata }) => metadata.deletionTimestamp === undefined && metadata.name !== from)
    .toSorted((a, b) => byRevision(b, a));
  // Sets from before the annotation carry no mark; one whose pods are available has worked.
  return (
    others.find(({ metadata }) => metadata.annotations?.[rollbackMarks.complete] === "true") ??
    others.find((set) => available(set) > 0)
  );
}
