/**
 * Owners of the number of replicas, as the subresource scale sees them. The object keeps them as owners of the field where it keeps the number;
 * to whoever reads or writes the scale they are owners of `.spec.replicas` of a Scale. There and back as Kubernetes' scale handler does it: an
 * owner that the scale does not know any more loses the field, and who comes to own it through the scale has no time.
 */
import type { JsonObject } from "../json-value.ts";
import type { ManagedFieldsEntry } from "../meta.ts";
import { difference, type FieldSet, isEmptySet, setOfFields } from "./field-set.ts";
import { type Owner, readOwners, setManagedFields } from "./managed-fields.ts";

const scaleVersion = "autoscaling/v1";
const replicas = setOfFields([["spec", "replicas"]]);

/** Gives a Scale, in place, the owners of its number. `path` is where the object keeps it. */
export function setScaleOwners(scale: JsonObject, object: JsonObject, path: readonly string[]): void {
  const owners = readOwners(object)
    .filter(({ set }) => has(set, path))
    .map(({ entry }) => ({ entry: { ...entry, apiVersion: scaleVersion }, set: replicas }));
  setManagedFields(scale, owners);
}

/** Gives the object, in place, the owners that its Scale has now. */
export function takeScaleOwners(
  object: JsonObject,
  scale: JsonObject,
  path: readonly string[],
  apiVersion: string,
): void {
  const own = setOfFields([path]);
  const before = readOwners(object);
  const ofScale = new Map(readOwners(scale).map((owner) => [identity(owner.entry), owner]));
  const kept: Owner[] = before.map((owner) => {
    if (!has(owner.set, path) || ofScale.delete(identity(owner.entry))) return owner;
    return { ...owner, set: difference(owner.set, own) };
  });
  for (const [id, { entry, set }] of ofScale) {
    if (!has(set, ["spec", "replicas"])) continue;
    const same = kept.findIndex((owner) => identity(owner.entry) === id);
    const { time: _time, ...timeless } = entry;
    const time = same < 0 ? undefined : kept[same]?.entry.time;
    if (same >= 0) kept.splice(same, 1);
    kept.push({ entry: { ...timeless, apiVersion, ...(time !== undefined && { time }) }, set: own });
  }
  setManagedFields(object, kept);
}

/** What makes a writer: an applier is the same in every version. */
function identity({ manager, operation, apiVersion, subresource }: ManagedFieldsEntry): string {
  return JSON.stringify([manager, operation, operation === "Apply" ? "" : apiVersion, subresource ?? ""]);
}

function has(set: FieldSet, path: readonly string[]): boolean {
  let at: FieldSet | undefined = set;
  for (const name of path) at = at?.children.get(`f:${name}`);
  return at !== undefined && !isEmptySet(at) && at.member;
}
