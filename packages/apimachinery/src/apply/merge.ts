/** Lays an applied configuration over the live object, and takes out what its applier no longer states and nobody else owns. */
import { cloneJson, isJsonObject, type JsonObject, setMember } from "../json-value.ts";
import { emptySet, type FieldSet, isEmptySet } from "./field-set.ts";
import { itemElement, type Structure } from "./structure.ts";

/** The live value with the configuration over it: members and items merge, leaves are replaced. Shares nothing with its arguments. */
export function mergeValues(structure: Structure, live: unknown, config: unknown): unknown {
  if (config === undefined) return cloneJson(live);
  if (config === null && structure.is !== "leaf" && live !== undefined) return cloneJson(live);
  if (structure.is === "members" && isJsonObject(live) && isJsonObject(config)) {
    const result = cloneJson(live);
    for (const [name, value] of Object.entries(config))
      setMember(result, name, mergeValues(structure.member(name), result[name], value));
    return result;
  }
  if (structure.is === "items" && Array.isArray(live) && Array.isArray(config))
    return mergeLists(structure, live, config);
  return cloneJson(config);
}

/**
 * Both lists as one. Items that both have stand in the configuration's order; live items that it does not name stay in front of what came
 * after them, and its new items stand behind the live ones before them. The same walk as structured-merge-diff's.
 *
 *     live [a b], configuration [c]    →  [a b c]
 *     live [a b c], configuration [c a]  →  [b c a]
 */
function mergeLists(
  structure: Structure & { is: "items" },
  live: readonly unknown[],
  config: readonly unknown[],
): unknown[] {
  const elements = (list: readonly unknown[]): string[] =>
    list.map((item, index) => itemElement(structure, item) ?? `i:${index}`);
  const [left, right] = [elements(live), elements(config)];
  const inLive = new Map(left.map((element, index) => [element, index]));
  const inConfig = new Set(right);
  const shared = right.filter((element) => inLive.has(element));
  const done = new Set<string>();
  const result: unknown[] = [];
  let [at, next] = [0, 0];
  const take = (element: string): void => {
    if (!done.has(element)) {
      const place = inLive.get(element);
      result.push(mergeValues(structure.item, place === undefined ? undefined : live[place], config[next]));
    }
    done.add(element);
    next += 1;
    if (shared[0] === element) shared.shift();
  };
  while (at < left.length || next < right.length) {
    const element = left[at];
    const wanted = right[next];
    if (element !== undefined && wanted !== undefined) {
      if (element === wanted) {
        take(wanted);
        at += 1;
        continue;
      }
      // In both, but not what comes next among those that are: its turn comes with the configuration's.
      if (inConfig.has(element) && shared[0] !== undefined && shared[0] !== element) {
        at += 1;
        continue;
      }
    }
    if (element !== undefined) {
      if (!inConfig.has(element)) {
        result.push(cloneJson(live[at]));
        at += 1;
        continue;
      }
      if (done.has(element)) at += 1;
    }
    if (wanted !== undefined) take(wanted);
  }
  return result;
}

/**
 * Removes, in place, what `last` names and `owned` does not. A field stays while anybody owns something in it; an item of a list or an entry
 * of a map goes with all it holds unless somebody owns the item itself. The caller owns the value.
 */
export function pruneValue(structure: Structure, value: unknown, last: FieldSet, owned: FieldSet): void {
  if (structure.is === "members" && isJsonObject(value)) {
    for (const [element, child] of last.children) {
      const name = element.slice(2);
      if (!element.startsWith("f:") || !Object.hasOwn(value, name)) continue;
      const keep = owned.children.get(element) ?? emptySet;
      if (structure.open ? child.member && !keep.member : isEmptySet(keep)) delete value[name];
      else pruneValue(structure.member(name), value[name], child, keep);
    }
    return;
  }
  if (structure.is !== "items" || !Array.isArray(value)) return;
  const gone = new Set<unknown>();
  for (const item of value) {
    const element = itemElement(structure, item);
    const child = element === undefined ? undefined : last.children.get(element);
    if (element === undefined || child === undefined) continue;
    const keep = owned.children.get(element) ?? emptySet;
    if (child.member && !keep.member) gone.add(item);
    else pruneValue(structure.item, item, child, keep);
  }
  const kept = value.filter((item) => !gone.has(item));
  value.splice(0, value.length, ...kept);
}

/** An object's own members without its managed fields, for comparing and merging. */
export function withoutManagedFields(object: JsonObject): JsonObject {
  const { metadata, ...rest } = object;
  if (!isJsonObject(metadata)) return object;
  const { managedFields: _managed, ...others } = metadata;
  return { ...rest, metadata: others };
}
