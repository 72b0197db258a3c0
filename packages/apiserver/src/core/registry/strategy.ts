// What the server itself does to a kind when it is written, beyond what a schema can say: which parts a client may not
// set, when `generation` rises, how deletion is graceful, which fields can be selected. A kind without a file of its own
// gets the empty one.
import { jsonEqual } from "@coxswain/apimachinery";
import type { ApiObject, DeleteOptions } from "@coxswain/apimachinery";
import type { UserInfo } from "../request.ts";

export interface WriteContext {
  readonly nowMs: number;
  /** "" or the subresource written through. */
  readonly subresource: string;
  /** Who writes; undefined where the server itself does. */
  readonly user?: UserInfo;
}

export interface Strategy {
  /** Objects vanish by themselves. */
  readonly ttlSeconds?: number;
  /** PUT makes the object when it is not there. */
  readonly createsOnUpdate?: boolean;
  /** PUT without a resourceVersion overwrites whatever is there. Default true. */
  readonly unconditionalUpdate?: boolean;
  /** Counts changes of everything but metadata and status. */
  readonly countsGenerations?: boolean;
  /** The status given on create is believed. */
  readonly createsWithStatus?: boolean;
  /** Labels cannot be changed through /status. */
  readonly statusKeepsLabels?: boolean;
  /** Nothing of the metadata that a client may write can be changed through /status. */
  readonly statusKeepsMetadata?: boolean;
  /** What DELETE does with dependents when the client says nothing. */
  readonly orphansByDefault?: boolean;
  /** Seconds that the object lives on after DELETE; 0 removes it at once. Only pods have it. */
  readonly gracePeriodSeconds?: (object: ApiObject, options: DeleteOptions) => number;
  /** Something of the kind's own that keeps a deleted object. */
  readonly holdsDeletion?: (object: ApiObject) => boolean;
  /** What DELETE changes in an object that stays for now. */
  readonly markDeleted?: (object: ApiObject) => void;
  /** Changes the new object, which is the request's own. */
  readonly prepareForCreate?: (object: ApiObject, context: WriteContext) => void;
  readonly prepareForUpdate?: (object: ApiObject, old: ApiObject, context: WriteContext) => void;
  readonly prepareForStatusUpdate?: (object: ApiObject, old: ApiObject, context: WriteContext) => void;
}

/** An object whose members beyond metadata are looked at by name. */
export type Loose = ApiObject & Record<string, unknown>;

/** Create: status is the system's to say; it begins as `blankStatus`, which is undefined for kinds without. */
export function prepareForCreate(
  strategy: Strategy,
  blankStatus: unknown,
  object: ApiObject,
  context: WriteContext,
): void {
  if (blankStatus !== undefined && !strategy.createsWithStatus) (object as Loose)["status"] = blankStatus;
  // Where nobody counts, what the client says stays.
  if (strategy.countsGenerations) object.metadata.generation = 1;
  strategy.prepareForCreate?.(object, context);
}

/** Update: status stays what it was, through /status everything else does. */
export function prepareForUpdate(
  strategy: Strategy,
  hasStatus: boolean,
  object: ApiObject,
  old: ApiObject,
  context: WriteContext,
): void {
  if (context.subresource === "status") {
    keepAllButStatus(object as Loose, old as Loose);
    if (strategy.statusKeepsLabels) keep(object.metadata, old.metadata, "labels");
    if (strategy.statusKeepsMetadata)
      for (const name of ["labels", "annotations", "finalizers", "ownerReferences"] as const)
        keep(object.metadata, old.metadata, name);
    object.metadata.generation = old.metadata.generation;
    strategy.prepareForStatusUpdate?.(object, old, context);
    return;
  }
  // An approval is a part of the status, and its strategy sees to the rest.
  if (hasStatus && context.subresource !== "approval") keep(object as Loose, old as Loose, "status");
  object.metadata.generation = old.metadata.generation;
  strategy.prepareForUpdate?.(object, old, context);
  if (strategy.countsGenerations && contentChanged(object as Loose, old as Loose))
    object.metadata.generation = (old.metadata.generation ?? 0) + 1;
}

function contentChanged(object: Loose, old: Loose): boolean {
  const names = new Set([...Object.keys(object), ...Object.keys(old)]);
  for (const name of ["metadata", "status", "kind", "apiVersion"]) names.delete(name);
  for (const name of names) if (!jsonEqual(object[name] ?? null, old[name] ?? null)) return true;
  return false;
}

function keepAllButStatus(object: Loose, old: Loose): void {
  for (const name of Object.keys(object))
    if (!["metadata", "status", "kind", "apiVersion"].includes(name)) delete object[name];
  for (const [name, value] of Object.entries(old))
    if (!["metadata", "status", "kind", "apiVersion"].includes(name)) object[name] = value;
}

/** Gives a member the value it had before, absence included. */
export function keep<T extends object>(object: T, old: T, name: keyof T): void {
  if (old[name] === undefined) delete object[name];
  else object[name] = old[name];
}

/** A member that may not be there, as an object. */
export function memberOf(object: unknown, name: string): Readonly<Record<string, unknown>> {
  const value = typeof object === "object" && object !== null ? (object as Record<string, unknown>)[name] : undefined;
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

/** A member as text; "" when it is not there. */
export function textOf(object: unknown, ...path: readonly string[]): string {
  let value: unknown = object;
  for (const name of path)
    value = typeof value === "object" && value !== null ? (value as Record<string, unknown>)[name] : undefined;
  return value === undefined || value === null ? "" : String(value);
}

/** Whether nothing holds a deleted object any more: no finalizer, no grace, nothing of the kind's own. */
export function mayVanish(strategy: Strategy, object: ApiObject): boolean {
  const { deletionTimestamp, deletionGracePeriodSeconds, finalizers } = object.metadata;
  if (deletionTimestamp === undefined || (finalizers?.length ?? 0) > 0) return false;
  return (deletionGracePeriodSeconds ?? 0) === 0 && !strategy.holdsDeletion?.(object);
}
