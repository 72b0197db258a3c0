// What becomes of an object when it is written: conflicts, generations, finalizers, grace, a namespace's own finalizer. Rules of the API,
// without an API; the fake server asks them. Not here: defaults and validation, which belong to kinds.
import { statuses, StatusError } from "@coxswain/apimachinery";
import type { ApiObject, ResourceDescriptor } from "@coxswain/apimachinery";
import type { DeleteOptions } from "@coxswain/client";
import { mergePatch } from "./merge-patch.ts";

export const named = (d: ResourceDescriptor): { readonly group: string; readonly resource: string } => ({
  group: d.group,
  resource: d.resource,
});

/** The object after an update of all of it, or of a subresource. */
export function updated(
  d: ResourceDescriptor,
  old: ApiObject,
  next: ApiObject,
  subresource: string | undefined,
): ApiObject {
  refuseStale(d, old, next.metadata);
  if (subresource === "status") return { ...old, ...("status" in next ? { status: next.status } : {}) } as ApiObject;
  if (subresource === "scale") return newGeneration(old, withSpec(old, { replicas: part(next, "spec")["replicas"] }));
  if (subresource === "finalize") return withSpec(old, { finalizers: part(next, "spec")["finalizers"] });
  const { deletionTimestamp, deletionGracePeriodSeconds } = old.metadata;
  const given = {
    ...old,
    ...next,
    metadata: {
      ...old.metadata,
      ...next.metadata,
      ...(deletionTimestamp === undefined ? {} : { deletionTimestamp, deletionGracePeriodSeconds }),
    },
    ...("status" in old ? { status: old.status } : {}),
  };
  return newGeneration(old, given);
}

/** The object after a merge patch; what the patch says of version and UID must be so. */
export function patched(
  d: ResourceDescriptor,
  old: ApiObject,
  patch: unknown,
  subresource: string | undefined,
): ApiObject {
  const said = typeof patch === "object" && patch !== null && "metadata" in patch ? patch.metadata : undefined;
  refuseStale(d, old, (said ?? {}) as ApiObject["metadata"]);
  const next = mergePatch(old, patch) as ApiObject;
  if (subresource === "status") return { ...old, ...("status" in next ? { status: next.status } : {}) } as ApiObject;
  return newGeneration(old, next);
}

/** The object after somebody has asked for its deletion; it is gone when `isGone` says so. */
export function deleted(d: ResourceDescriptor, old: ApiObject, options: DeleteOptions, now: string): ApiObject {
  const { preconditions = {} } = options;
  const { uid, resourceVersion } = old.metadata;
  if ((preconditions.uid ?? uid) !== uid || (preconditions.resourceVersion ?? resourceVersion) !== resourceVersion)
    throw new StatusError(statuses.conflict(named(d), old.metadata.name, "Precondition failed"));
  const finalizers = [...(old.metadata.finalizers ?? [])];
  if (options.propagationPolicy === "Foreground") finalizers.push("foregroundDeletion");
  if (options.propagationPolicy === "Orphan") finalizers.push("orphan");
  const grace = options.gracePeriodSeconds ?? 30;
  return {
    ...old,
    metadata: {
      ...old.metadata,
      deletionTimestamp: old.metadata.deletionTimestamp ?? now,
      deletionGracePeriodSeconds: Math.min(grace, old.metadata.deletionGracePeriodSeconds ?? grace),
      ...(finalizers.length > 0 ? { finalizers: [...new Set(finalizers)] } : {}),
    },
    ...(isNamespace(d) ? { status: { ...part(old, "status"), phase: "Terminating" } } : {}),
  } as ApiObject;
}

/** Whether nothing holds an object any more that is being deleted. `graceful`: a pod waits for whoever ends it. */
export function isGone(d: ResourceDescriptor, object: ApiObject, graceful: boolean): boolean {
  const { deletionTimestamp, finalizers = [], deletionGracePeriodSeconds } = object.metadata;
  if (deletionTimestamp === undefined || finalizers.length > 0) return false;
  if (isNamespace(d) && ((part(object, "spec")["finalizers"] as readonly string[] | undefined) ?? []).length > 0)
    return false;
  return !(graceful && d.resource === "pods" && d.group === "" && deletionGracePeriodSeconds !== 0);
}

export const isNamespace = (d: ResourceDescriptor): boolean => d.group === "" && d.resource === "namespaces";

/** What a new namespace is held by until it has been emptied. */
export const heldNamespace = (object: ApiObject): ApiObject =>
  ({
    ...object,
    spec: { ...part(object, "spec"), finalizers: ["kubernetes"] },
    status: { phase: "Active" },
  }) as ApiObject;

/** spec or status as a record; empty when there is none. */
export function part(object: ApiObject, name: "spec" | "status"): Readonly<Record<string, unknown>> {
  const value: unknown = Object.entries(object).find(([key]) => key === name)?.[1];
  return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
}

function withSpec(object: ApiObject, members: object): ApiObject {
  return Object.assign({}, object, { spec: { ...part(object, "spec"), ...members } });
}

function refuseStale(d: ResourceDescriptor, old: ApiObject, said: ApiObject["metadata"]): void {
  const { uid, resourceVersion, name } = old.metadata;
  if ((said.uid ?? uid) !== uid || (said.resourceVersion ?? resourceVersion) !== resourceVersion)
    throw new StatusError(statuses.conflict(named(d), name, "the object has been modified"));
}

function newGeneration(old: ApiObject, next: ApiObject): ApiObject {
  if (JSON.stringify(part(next, "spec")) === JSON.stringify(part(old, "spec"))) return next;
  return { ...next, metadata: { ...next.metadata, generation: (old.metadata.generation ?? 1) + 1 } };
}
