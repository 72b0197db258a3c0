// The history of DaemonSets and StatefulSets: ControllerRevisions, each a template's text, numbered. kubectl rollout history and
// undo read and write them. Which revision is current, which are too many: decided here; written by store.ts.
import type { ControllerRevision } from "@coxswain/api/apps/v1";
import type { PodTemplateSpec } from "@coxswain/api/core/v1";
import type { DeepReadonly } from "@coxswain/apimachinery";
import { canonicalJson } from "../loop/same-json.ts";

export type ReadonlyRevision = DeepReadonly<ControllerRevision>;
export const revisionLabel = "controller-revision-hash";

/** The patch that brings a template back; kubectl rollout undo sends it as it is, and compares its text: names are in the order of letters. */
export const revisionData = (template: DeepReadonly<PodTemplateSpec>): unknown =>
  JSON.parse(canonicalJson({ spec: { template: { ...template, $patch: "replace" } } }));

export type RevisionStep =
  | { readonly kind: "current"; readonly revision: ReadonlyRevision }
  /** An old revision's template came back: it becomes the newest. */
  | { readonly kind: "renumber"; readonly revision: ReadonlyRevision; readonly number: number }
  | { readonly kind: "create"; readonly number: number };

export function planRevision(
  template: DeepReadonly<PodTemplateSpec>,
  revisions: readonly ReadonlyRevision[],
): RevisionStep {
  const wanted = canonicalJson(revisionData(template));
  const newest = Math.max(0, ...revisions.map((revision) => revision.revision));
  const [same] = revisions
    .filter((revision) => canonicalJson(revision.data) === wanted)
    .toSorted((a, b) => b.revision - a.revision);
  if (same === undefined) return { kind: "create", number: newest + 1 };
  return same.revision === newest
    ? { kind: "current", revision: same }
    : { kind: "renumber", revision: same, number: newest + 1 };
}

/** Revisions beyond the limit that nothing runs any more (by hash or name), the oldest first. */
export function surplusRevisions(
  revisions: readonly ReadonlyRevision[],
  inUse: ReadonlySet<string>,
  limit: number,
): readonly ReadonlyRevision[] {
  const idle = revisions
    .filter((revision) => !inUse.has(hashOf(revision)) && !inUse.has(revision.metadata.name))
    .toSorted((a, b) => a.revision - b.revision);
  return idle.slice(0, Math.max(0, idle.length - limit));
}

export const hashOf = (revision: ReadonlyRevision): string =>
  revision.metadata.labels?.[revisionLabel] ?? revision.metadata.name;
