/**
 * Who owns which field: server-side apply, and the tracking of all other writes, equal to Kubernetes' fieldmanager. Ownership is kept in
 * metadata.managedFields; this module reads and writes it and never decides about admission, versions or storage.
 *
 *     apply:   live + configuration ─ merge ─► prune what the applier dropped ─► conflicts? ─► owners
 *     update:  old, new ─ compare ─► the writer owns what it changed, everybody else loses it
 */
import { decode } from "../decode.ts";
import { cloneJson, isJsonObject, type JsonObject } from "../json-value.ts";
import type { ManagedFieldsEntry } from "../meta.ts";
import type { StructSchema } from "../schema.ts";
import { compareValues, fieldSetOf } from "./compare.ts";
import { createdFields } from "./creation.ts";
import { type Conflict, conflictError } from "./conflict.ts";
import {
  difference,
  emptySet,
  type FieldSet,
  fieldsToSet,
  intersection,
  isEmptySet,
  setOfFields,
  setToFields,
  union,
  without,
} from "./field-set.ts";
import { followLastApplied, kubectlManager, lastAppliedFields } from "./last-applied.ts";
import { mergeValues, pruneValue, withoutManagedFields } from "./merge.ts";
import { type Structure, structureOf } from "./structure.ts";

export interface WriteInfo {
  /** The field manager's name. */
  readonly manager: string;
  /** The version in which the writer speaks, such as "apps/v1". */
  readonly apiVersion: string;
  /** "" for the object itself. */
  readonly subresource?: string;
  /** The time to record, RFC 3339. */
  readonly time: string;
  /** Top-level fields that this endpoint resets and hence nobody comes to own, or loses, through it, such as "status". */
  readonly ignored?: readonly string[];
}

export interface Owner {
  readonly entry: ManagedFieldsEntry;
  readonly set: FieldSet;
}

/** The most entries of updates that are kept apart; older ones are put together. */
const mostUpdaters = 10;

/** Fields that say what an object is rather than how it should be: nobody owns them. */
const untrackedMetadata: ReadonlySet<string> = new Set([
  "name",
  "namespace",
  "creationTimestamp",
  "selfLink",
  "uid",
  "clusterName",
  "generation",
  "managedFields",
  "resourceVersion",
]);
const untracked = setOfFields([["apiVersion"], ["kind"], ...[...untrackedMetadata].map((name) => ["metadata", name])]);

/**
 * Records the owners of a create or update in `next`, in place. `old` is undefined for a create. A `next` whose managedFields are empty, or
 * one empty entry, gives up all ownership; other managed fields that it brings along are believed, unless it came through a
 * subresource. An object that has no owners gets none by updates: it is tracked again when somebody applies.
 */
export function trackUpdate(
  schema: StructSchema,
  old: JsonObject | undefined,
  next: JsonObject,
  write: WriteInfo,
): void {
  const structure = structureOf(schema);
  const owners = ownersBeforeUpdate(old, next, write);
  if (owners.length === 0)
    return old === undefined ? ownAll(schema, structure, next, write) : setManagedFields(next, []);
  const before = withoutManagedFields(old ?? emptyOf(schema));
  const changes = compareValues(structure, before, withoutManagedFields(next));
  const ignored = setOfFields((write.ignored ?? []).map((name) => [name]));
  const changed = without(withoutUntracked(union(changes.added, changes.modified)), ignored);
  const removed = changes.removed;
  const mine = updateEntry(write);
  const found = owners.find(({ entry }) => sameWriter(entry, mine));
  const rest = owners
    .filter((owner) => owner !== found)
    .map(({ entry, set }) => ({ entry, set: difference(difference(set, changed), removed) }));
  const set = union(difference(found?.set ?? emptySet, removed), changed);
  const entry = found !== undefined && isEmptySet(changed) ? found.entry : mine;
  setManagedFields(next, capUpdaters([...rest, { entry, set }]));
}

/** A new object without any owners yet. */
function ownAll(schema: StructSchema, structure: Structure, next: JsonObject, write: WriteInfo): void {
  const skipped = new Set(["apiVersion", "kind", ...(write.ignored ?? [])]);
  const fieldsV1 = createdFields(structure, emptyOf(schema), next, skipped, untrackedMetadata);
  const { managedFields: _none, ...metadata } = isJsonObject(next["metadata"]) ? next["metadata"] : {};
  const entry: ManagedFieldsEntry = { ...updateEntry(write), fieldsType: "FieldsV1", fieldsV1 };
  next["metadata"] = Object.keys(fieldsV1).length === 0 ? metadata : { ...metadata, managedFields: [entry] };
}

const empties = new WeakMap<StructSchema, JsonObject>();

/** An object with nothing said; shared, not to be changed. */
function emptyOf(schema: StructSchema): JsonObject {
  let empty = empties.get(schema);
  if (empty === undefined) empties.set(schema, (empty = decode(schema, {}).value));
  return empty;
}

/** Those that the writer hands in, so that they can be edited; those of the object when there are none or nobody could read them. */
function ownersBeforeUpdate(old: JsonObject | undefined, next: JsonObject, { subresource = "" }: WriteInfo): Owner[] {
  if (subresource !== "") return old === undefined ? [] : readOwners(old);
  if (isReset(next)) return [];
  const given = readOwners(next);
  return given.length > 0 || old === undefined ? given : readOwners(old);
}

/**
 * Applies a configuration for one manager and returns the new object with its owners. Throws a StatusError that lists the conflicts, unless
 * forced. `live` is undefined when there is no such object yet.
 */
export function applyConfiguration(
  schema: StructSchema,
  live: JsonObject | undefined,
  config: JsonObject,
  write: WriteInfo & { readonly force: boolean },
): JsonObject {
  const structure = structureOf(schema);
  const before = withoutManagedFields(live ?? emptyOf(schema));
  const owners = live === undefined ? [] : ownersBeforeApply(schema, live, write);
  const mine: ManagedFieldsEntry = { ...updateEntry(write), operation: "Apply" };
  const found = owners.find(({ entry }) => sameWriter(entry, mine));
  const others = owners.filter((owner) => owner !== found);
  const ignored = setOfFields((write.ignored ?? []).map((name) => [name]));
  const mentioned = without(fieldSetOf(structure, config), ignored);
  const stated = withoutUntracked(mentioned);

  const merged = mergeValues(structure, before, config);
  if (!isJsonObject(merged)) throw new TypeError("a configuration must be an object");
  if (found !== undefined)
    pruneValue(
      structure,
      merged,
      found.set,
      others.reduce((all, { set }) => union(all, set), mentioned),
    );

  const { added, modified, removed } = compareValues(structure, before, merged);
  const changed = without(union(added, modified), ignored);
  const lost = without(removed, ignored);
  const conflicts: Conflict[] = others
    .filter(({ entry }) => entry.apiVersion === write.apiVersion)
    .map(({ entry, set }) => ({ entry, set: intersection(set, changed) }))
    .filter(({ set }) => !isEmptySet(set));
  if (!write.force)
    refuse(
      conflicts,
      write.manager === kubectlManager ? lastAppliedFields(structure, before, write.apiVersion) : emptySet,
    );

  const left = others.map(({ entry, set }) => ({ entry, set: difference(difference(set, changed), lost) }));
  const isSame = isEmptySet(changed) && isEmptySet(lost);
  setManagedFields(merged, [...left, { entry: isSame ? (found?.entry ?? timeless(mine)) : mine, set: stated }]);
  if (write.manager === kubectlManager && live !== undefined) followLastApplied(merged, config);
  return merged;
}

/** The time of an entry is that of its manager's last change of the object; whoever only agrees has none. */
function timeless({ time: _time, ...entry }: ManagedFieldsEntry): ManagedFieldsEntry {
  return entry;
}

/** Throws when there are conflicts about more than the applier's own fields. */
function refuse(conflicts: readonly Conflict[], own: FieldSet): void {
  const left = conflicts
    .map(({ entry, set }) => ({ entry, set: difference(set, own) }))
    .filter(({ set }) => !isEmptySet(set));
  if (left.length > 0) throw conflictError(left);
}

/** On the first apply to an object of which nothing is known, all it has belongs to a manager of that name. */
function ownersBeforeApply(schema: StructSchema, live: JsonObject, write: WriteInfo): Owner[] {
  const owners = readOwners(live);
  if (owners.length > 0) return owners;
  const zero = emptyOf(schema);
  const set = withoutUntracked(compareValues(structureOf(schema), zero, withoutManagedFields(live)).added);
  const changed = withoutUntracked(compareValues(structureOf(schema), zero, withoutManagedFields(live)).modified);
  const entry = timeless(updateEntry({ ...write, manager: "before-first-apply", subresource: "" }));
  return [{ entry, set: union(set, changed) }];
}

export function readOwners(object: JsonObject): Owner[] {
  const metadata = object["metadata"];
  const entries =
    isJsonObject(metadata) && Array.isArray(metadata["managedFields"])
      ? (metadata["managedFields"] as ManagedFieldsEntry[])
      : [];
  return entries
    .filter((entry) => entry.operation !== undefined)
    .map((entry) => ({ entry: cloneJson(entry), set: fieldsToSet(entry.fieldsV1) }));
}

/** No entries, or an empty one; clients that do not know the member leave it out. */
function isReset(next: JsonObject): boolean {
  const metadata = next["metadata"];
  const entries = isJsonObject(metadata) ? metadata["managedFields"] : undefined;
  if (!Array.isArray(entries)) return false;
  const [only] = entries as unknown[];
  return entries.length === 0 || (entries.length === 1 && isJsonObject(only) && Object.keys(only).length === 0);
}

export function setManagedFields(object: JsonObject, owners: readonly Owner[]): void {
  const metadata = isJsonObject(object["metadata"]) ? object["metadata"] : {};
  const entries = owners
    .filter(({ set }) => !isEmptySet(set))
    .map(({ entry, set }): ManagedFieldsEntry => ({ ...entry, fieldsType: "FieldsV1", fieldsV1: setToFields(set) }))
    .sort(inOrder);
  const { managedFields: _old, ...rest } = metadata;
  object["metadata"] = entries.length === 0 ? rest : { ...rest, managedFields: entries };
}

/** Appliers first, then by time and names, as Kubernetes orders them. */
function inOrder(left: ManagedFieldsEntry, right: ManagedFieldsEntry): number {
  const key = (entry: ManagedFieldsEntry): string =>
    [entry.operation, entry.time ?? "", entry.manager ?? "", entry.apiVersion ?? "", entry.subresource ?? ""].join(
      "\u0000",
    );
  return key(left) < key(right) ? -1 : 1;
}

/** Too many updaters: the oldest become one, "ancient-changes", per version. */
function capUpdaters(owners: readonly Owner[]): Owner[] {
  const updaters = owners.filter(
    ({ entry, set }) => entry.operation === "Update" && entry.manager !== ancient && !isEmptySet(set),
  );
  const excess = updaters.length - mostUpdaters;
  if (excess <= 0) return [...owners];
  const old = updaters
    .toSorted((left, right) => ((left.entry.time ?? "") < (right.entry.time ?? "") ? -1 : 1))
    .slice(0, excess);
  let rest = owners.filter((owner) => !old.includes(owner));
  for (const { entry, set } of old) {
    const bucket = rest.find((owner) => owner.entry.manager === ancient && owner.entry.apiVersion === entry.apiVersion);
    const { subresource: _subresource, ...base } = entry;
    rest = [
      ...rest.filter((owner) => owner !== bucket),
      { entry: { ...base, manager: ancient }, set: union(bucket?.set ?? emptySet, set) },
    ];
  }
  return rest;
}

const ancient = "ancient-changes";

function updateEntry(write: WriteInfo): ManagedFieldsEntry {
  const { manager, apiVersion, time, subresource = "" } = write;
  return { manager, operation: "Update", apiVersion, time, ...(subresource !== "" && { subresource }) };
}

function sameWriter(left: ManagedFieldsEntry, right: ManagedFieldsEntry): boolean {
  return (
    left.manager === right.manager &&
    left.operation === right.operation &&
    (left.apiVersion === right.apiVersion || left.operation === "Apply") &&
    (left.subresource ?? "") === (right.subresource ?? "")
  );
}

/** Without what nobody owns; `metadata` itself is nobody's, either. */
function withoutUntracked(set: FieldSet): FieldSet {
  return difference(without(set, untracked), setOfFields([["metadata"]]));
}
