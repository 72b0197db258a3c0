/** Lays an applied configuration over the live object, and takes out what its applier no longer states and nobody else owns. */
import { cloneJson, isJsonObject, type JsonObject, setMember } from "../json-value.ts";
import { emptySet, type FieldSet, isEmptySet } from "./field-set.ts";
import { itemElement, type Structure } from "./structure.ts";

/** The live value with the configuration over it: members and items merge, leaves are replaced. Shares nothing with its arguments. */
export function mergeValues(structure: Structure, live: unknown, config: unknown): unknown {
  if (config === undefined || config === null) return cloneJson(live);
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
 * Items of the configuration in its order; live items that it does not name keep their place before the next live item that it does.
 */
function mergeLists(
  structure: Structure & { is: "items" },
  live: readonly unknown[],
  config: readonly unknown[],
): unknown[] {
  const elements = (list: readonly unknown[]): string[] =>
    list.map((item, index) => itemElement(structure, item) ?? `i:${index}`);
  const [liveElements, configElements] = [elements(live), elements(config)];
  const inConfig = new Set(configElements);
  const liveAt = new Map(liveElements.map((element, index) => [element, index]));
  const result: unknown[] = [];
  const done = new Set<string>();
  let at = 0;
  for (const [index, element] of configElements.entries()) {
    if (done.has(element)) continue;
    const place = liveAt.get(element);
    if (place !== undefined) {
      for (; at < place; at += 1) if (!inConfig.has(liveElements[at] ?? "")) result.push(cloneJson(live[at]));
      at = Math.max(at, place + 1);
    }
    done.add(element);
    result.push(mergeValues(structure.item, place === undefined ? undefined : live[place], config[index]));
  }
  for (; at < live.length; at += 1) if (!inConfig.has(liveElements[at] ?? "")) result.push(cloneJson(live[at]));
  return result;
}

/** Removes, in place, what `last` names and `owned` does not. The caller owns the value. */
export function pruneValue(structure: Structure, value: unknown, last: FieldSet, owned: FieldSet): void {
  if (structure.is === "members" && isJsonObject(value)) {
    for (const [element, child] of last.children) {
      const name = element.slice(2);
      if (!element.startsWith("f:") || !Object.hasOwn(value, name)) continue;
      const keep = owned.children.get(element) ?? emptySet;
      if (isEmptySet(keep)) delete value[name];
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
    if (!isEmptySet(keep)) pruneValue(structure.item, item, child, keep);
    else if (child.member) gone.add(item);
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
