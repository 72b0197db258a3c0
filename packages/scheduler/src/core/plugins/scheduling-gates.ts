// SchedulingGates: a pod with gates is not looked at until the last one is removed (KEP-3521).
import type { PodView } from "../resources.ts";

/** The gates that keep a pod out of the queue. */
export function closedGates(pod: PodView): readonly string[] {
  return (pod.spec?.schedulingGates ?? []).map(({ name }) => name);
}
