// The patch `apply` sends: what the manifest says and the server does not have, and what the last manifest said and this one does not.
// By the schema's merge keys where the server knows the kind, as a plain JSON merge where it does not.
import { isJsonObject, jsonEqual } from "@coxswain/apimachinery";
import type { JsonObject, Schema } from "@coxswain/apimachinery";

/** An empty object means that nothing is to be done. */
export function threeWayPatch(
  original: JsonObject,
  modified: JsonObject,
  current: JsonObject,
  schema: Schema | undefined,
): JsonObject {
  return mapPatch(original, modified, current, schema);
}

function mapPatch(
  original: JsonObject,
  modified: JsonObject,
  current: JsonObject,
  schema: Schema | undefined,
): JsonObject {
  const patch: JsonObject = {};
  for (const key of Object.keys(original))
    if (!Object.hasOwn(modified, key) && Object.hasOwn(current, key)) patch[key] = null;
  for (const [key, wanted] of Object.entries(modified)) {
    if (wanted === null || wanted === undefined) {
      if (Object.hasOwn(current, key)) patch[key] = null;
      continue;
    }
    const now = current[key];
    const before = original[key];
    const field = schema?.type === "struct" ? schema.fields.get(key) : undefined;
    const inner = field?.schema ?? (schema?.type === "map" ? schema.values : undefined);
    if (isJsonObject(wanted) && isJsonObject(now)) {
      const deeper = mapPatch(isJsonObject(before) ? before : {}, wanted, now, inner);
      const retain = field?.patchStrategies.includes("retainKeys") === true && !sameKeys(wanted, now);
      if (retain) deeper["$retainKeys"] = Object.keys(wanted).sort();
      if (Object.keys(deeper).length > 0) patch[key] = deeper;
    } else if (Array.isArray(wanted) && Array.isArray(now) && field?.patchStrategies.includes("merge")) {
      listPatch(
        patch,
        key,
        Array.isArray(before) ? before : [],
        wanted,
        now,
        field.patchMergeKey,
        inner?.type === "list" ? inner.items : undefined,
      );
    } else if (!jsonEqual(wanted, now)) patch[key] = wanted;
  }
  return patch;
}

const sameKeys = (left: JsonObject, right: JsonObject): boolean =>
  Object.keys(right).every((key) => Object.hasOwn(left, key));

function listPatch(
  patch: JsonObject,
  key: string,
  original: readonly unknown[],
  wanted: readonly unknown[],
  now: readonly unknown[],
  mergeKey: string | undefined,
  schema: Schema | undefined,
): void {
  if (mergeKey === undefined) return setPatch(patch, key, original, wanted, now);
  const find = (list: readonly unknown[], id: unknown): JsonObject | undefined =>
    list.find((item): item is JsonObject => isJsonObject(item) && jsonEqual(item[mergeKey], id));
  const items: unknown[] = [];
  for (const item of wanted) {
    if (!isJsonObject(item)) continue;
    const same = find(now, item[mergeKey]);
    if (same === undefined) items.push(item);
    else {
      const change = mapPatch(find(original, item[mergeKey]) ?? {}, item, same, schema);
      if (Object.keys(change).length > 0) items.push({ ...change, [mergeKey]: item[mergeKey] });
    }
  }
  for (const item of original) {
    if (!isJsonObject(item) || find(wanted, item[mergeKey]) !== undefined || find(now, item[mergeKey]) === undefined)
      continue;
    items.push({ $patch: "delete", [mergeKey]: item[mergeKey] });
  }
  const order = wanted.filter(isJsonObject).map((item) => ({ [mergeKey]: item[mergeKey] }));
  const orderNow = now
    .filter(isJsonObject)
    .map((item) => item[mergeKey])
    .filter((id) => find(wanted, id) !== undefined);
  const reordered = !jsonEqual(
    orderNow,
    order.map((item) => item[mergeKey]).filter((id) => find(now, id) !== undefined),
  );
  if (items.length === 0 && !reordered) return;
  patch[`$setElementOrder/${key}`] = order;
  if (items.length > 0) patch[key] = items;
}

/** Lists of plain values that merge: finalizers. */
function setPatch(
  patch: JsonObject,
  key: string,
  original: readonly unknown[],
  wanted: readonly unknown[],
  now: readonly unknown[],
): void {
  const added = wanted.filter((item) => !now.includes(item));
  const removed = original.filter((item) => !wanted.includes(item) && now.includes(item));
  if (added.length > 0 || removed.length > 0) patch[`$setElementOrder/${key}`] = wanted;
  if (added.length > 0) patch[key] = added;
  if (removed.length > 0) patch[`$deleteFromPrimitiveList/${key}`] = removed;
}
