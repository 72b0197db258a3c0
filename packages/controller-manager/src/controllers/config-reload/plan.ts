// Decides whether a workload is rolled because what it reads has changed. Beyond Kubernetes, for workloads that ask for it
// (coxswain.io/reload: "true"). The first look only remembers, so that asking for it rolls nothing.
import type { DaemonSet, Deployment, StatefulSet } from "@coxswain/api/apps/v1";
import type { DeepReadonly } from "@coxswain/apimachinery";
import type { Plan } from "@coxswain/controller";

export type Workload = DeepReadonly<Deployment> | DeepReadonly<StatefulSet> | DeepReadonly<DaemonSet>;

export const reloadMarks = {
  /** On a workload, "true": roll when a ConfigMap or Secret changes that the template reads. */
  wanted: "coxswain.io/reload",
  /** On a workload: what its pods read, or will when they are rolled, by hash. */
  seen: "coxswain.io/config-seen",
  /** On its template: the same, once something has changed. */
  template: "coxswain.io/config-hash",
} as const;

export const wantsReload = (workload: Workload): boolean =>
  workload.metadata.annotations?.[reloadMarks.wanted] === "true";

export type ReloadAction = { readonly kind: "remember" | "roll"; readonly hash: string };

/** `hash` is of everything the template reads now; the references are part of it. */
export function planReload(workload: Workload, hash: string): Plan<ReloadAction> {
  const seen = workload.metadata.annotations?.[reloadMarks.seen];
  if (!wantsReload(workload) || workload.metadata.deletionTimestamp !== undefined)
    return { actions: [], because: "nobody asked for it" };
  if (seen === hash) return { actions: [], because: "its pods read what is there" };
  // The part before the point names what is read: when that has changed, so has the template, and it rolls anyway.
  if (seen === undefined || seen.split(".")[0] !== hash.split(".")[0])
    return { actions: [{ kind: "remember", hash }], because: "it reads other objects than before" };
  return { actions: [{ kind: "roll", hash }], because: "a ConfigMap or Secret that it reads has changed" };
}

/** One patch for mark and template together: between two writes somebody could be killed. */
export function patchFor({ kind, hash }: ReloadAction, resourceVersion: string | undefined): unknown {
  const metadata = { resourceVersion, annotations: { [reloadMarks.seen]: hash } };
  if (kind === "remember") return { metadata };
  return { metadata, spec: { template: { metadata: { annotations: { [reloadMarks.template]: hash } } } } };
}
