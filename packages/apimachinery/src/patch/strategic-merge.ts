/**
 * Strategic merge patch: a merge patch whose lists merge by key where the schema says so, steered by directives in the patch: `$patch`
 * (replace, delete, merge), `$retainKeys`, `$deleteFromPrimitiveList/x`, `$setElementOrder/x`. Semantics of
 * k8s.io/apimachinery/pkg/util/strategicpatch. Fields that the schema does not know merge as JSON; decoding complains about them later.
 */
import { cloneJson, isJsonObject, jsonEqual, type JsonObject, setMember, textOf } from "../json-value.ts";
import type { FieldSchema, Schema, StructSchema } from "../schema.ts";
import { orderElements } from "./element-order.ts";
import { PatchError } from "./patch-error.ts";

const deleteFrom = "$deleteFromPrimitiveList/";
const elementOrder = "$setElementOrder/";

/** The patched object. The arguments are left as they are. */
export function applyStrategicMerge(schema: StructSchema | undefined, target: JsonObject, patch: unknown): JsonObject {
  if (!isJsonObject(patch)) throw new PatchError("malformed", "invalid JSON document");
  return mergeObjects(schema, cloneJson(target), cloneJson(patch));
}

/** Merges the patch into the original, which is ours to change. */
function mergeObjects(schema: Schema | undefined, original: JsonObject, patch: JsonObject): JsonObject {
  const directive = patch["$patch"];
  if (directive === "replace") return withoutDirectives(patch, "$patch");
  if (directive === "delete") return {};
  if (directive !== undefined && directive !== "merge")
    throw new PatchError("malformed", `Unknown patch type found: ${textOf(directive)}`);
  delete patch["$patch"];

  retainKeys(original, patch);
  mergeOrderedLists(schema, original, patch);
  for (const [key, value] of Object.entries(patch)) {
    if (key.startsWith(deleteFrom)) {
      deletePrimitives(original, key.slice(deleteFrom.length), value);
      continue;
    }
    if (value === null) {
      delete original[key];
      continue;
    }
    if (!Object.hasOwn(original, key)) {
      setMember(original, key, clean(value));
      continue;
    }
    setMember(original, key, mergeMember(fieldOf(schema, key), original[key], value));
  }
  return original;
}

function mergeMember(field: Member, old: unknown, value: unknown): unknown {
  if (isJsonObject(old) && isJsonObject(value)) {
    if (field.strategies.includes("replace")) return clean(value);
    return mergeObjects(field.schema, old, value);
  }
  if (Array.isArray(old) && Array.isArray(value)) return mergeLists(field, old, value);
  return clean(value);
}

function mergeLists(field: Member, old: unknown[], patch: unknown[]): unknown[] {
  if (!field.strategies.includes("merge")) return clean(patch) as unknown[];
  const merged = mergeItems(field, old, patch);
  return orderElements(merged.list, merged.order, old, field.mergeKey);
}

/** The union of both lists, and the patch's items in their order once its special elements are gone. */
function mergeItems(
  field: Member,
  old: readonly unknown[],
  patch: readonly unknown[],
): { list: unknown[]; order: readonly unknown[] } {
  const { mergeKey } = field;
  if (mergeKey === undefined) {
    const list = [...old];
    for (const item of patch) if (!list.some((other) => jsonEqual(other, item))) list.push(item);
    return { list, order: patch };
  }
  const keyed = patch.map((item) => {
    if (isJsonObject(item)) return item;
    throw new PatchError("malformed", "The format of the patch does not match the type of the list: expected a map");
  });
  if (keyed.some((item) => item["$patch"] === "replace")) {
    const list = keyed.filter((item) => item["$patch"] !== "replace").map((item) => clean(item));
    return { list, order: list };
  }
  let list: unknown[] = [...old];
  const order: JsonObject[] = [];
  for (const item of keyed) {
    const same = (other: unknown): boolean => isJsonObject(other) && jsonEqual(other[mergeKey], item[mergeKey]);
    if (item[mergeKey] === undefined) {
      throw new PatchError(
        "inapplicable",
        `map: ${JSON.stringify(item)} does not contain declared merge key: ${mergeKey}`,
      );
    }
    if (item["$patch"] === "delete") {
      list = list.filter((other) => !same(other));
      continue;
    }
    order.push(item);
    const at = list.findIndex(same);
    const found = list[at];
    if (isJsonObject(found)) list[at] = mergeObjects(field.items, cloneJson(found), cloneJson(item));
    else list.push(clean(item));
  }
  return { list, order };
}

/** Lists whose order the patch dictates: merge, then put in order, and take them out of the patch. */
function mergeOrderedLists(schema: Schema | undefined, original: JsonObject, patch: JsonObject): void {
  for (const [key, order] of Object.entries(patch)) {
    if (!key.startsWith(elementOrder)) continue;
    delete patch[key];
    const name = key.slice(elementOrder.length);
    const field = fieldOf(schema, name);
    if (!Array.isArray(order))
      throw new PatchError("malformed", "The format of $setElementOrder list is invalid: expected a list");
    const deletions = patch[deleteFrom + name];
    if (deletions !== undefined) {
      deletePrimitives(original, name, deletions);
      delete patch[deleteFrom + name];
    }
    const old = original[name];
    const items = patch[name];
    if (items === null || (!Array.isArray(old) && !Array.isArray(items))) continue;
    const before = Array.isArray(old) ? old : [];
    const list = Array.isArray(items) ? mergeItems({ ...field, strategies: ["merge"] }, before, items).list : before;
    original[name] = orderElements(list, order, before, field.mergeKey);
    delete patch[name];
  }
}

function deletePrimitives(original: JsonObject, name: string, values: unknown): void {
  if (!Array.isArray(values))
    throw new PatchError("malformed", "The format of $deleteFromPrimitiveList is invalid: expected a list");
  const list = original[name];
  if (!Array.isArray(list)) return;
  original[name] = list.filter((item) => !values.some((value) => jsonEqual(item, value)));
}

function retainKeys(original: JsonObject, patch: JsonObject): void {
  const keys = patch["$retainKeys"];
  if (keys === undefined) return;
  delete patch["$retainKeys"];
  if (!Array.isArray(keys))
    throw new PatchError("malformed", "The format of $retainKeys list is invalid: expected a list");
  for (const [key, value] of Object.entries(patch)) {
    if (value === null || key.startsWith("$") || keys.includes(key)) continue;
    throw new PatchError("malformed", "The $retainKeys value doesn't match fields present in patch");
  }
  for (const key of Object.keys(original)) if (!keys.includes(key)) delete original[key];
}

/** A value that enters where nothing was: its nulls and directives have done their work. */
function clean(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value
      .filter((item) => !(isJsonObject(item) && (item["$patch"] === "delete" || item["$patch"] === "replace")))
      .map(clean);
  }
  if (!isJsonObject(value)) return value;
  if (value["$patch"] === "delete") return {};
  const result: JsonObject = {};
  for (const [key, member] of Object.entries(value)) {
    if (member !== null && !isDirective(key)) setMember(result, key, clean(member));
  }
  return result;
}

function isDirective(key: string): boolean {
  return key === "$patch" || key === "$retainKeys" || key.startsWith(deleteFrom) || key.startsWith(elementOrder);
}

function withoutDirectives(value: JsonObject, name: string): JsonObject {
  const { [name]: _gone, ...rest } = value;
  return clean(rest) as JsonObject;
}

interface Member {
  readonly schema: Schema | undefined;
  readonly items: Schema | undefined;
  readonly strategies: readonly string[];
  readonly mergeKey: string | undefined;
}

function fieldOf(schema: Schema | undefined, name: string): Member {
  const field: FieldSchema | undefined = schema?.type === "struct" ? schema.fields.get(name) : undefined;
  const inner = schema?.type === "map" ? schema.values : field?.schema;
  return {
    schema: inner,
    items: inner?.type === "list" ? inner.items : undefined,
    strategies: field?.patchStrategies ?? [],
    mergeKey: field?.patchMergeKey,
  };
}
