/** JSON merge patch (RFC 7386): members replace, null removes, lists are replaced whole. */
import { cloneJson, isJsonObject, jsonEqual, type JsonObject, setMember } from "../json-value.ts";

/** The patched value. Neither argument is changed; the result may share parts with both. */
export function applyMergePatch(target: unknown, patch: unknown): unknown {
  if (!isJsonObject(patch)) return patch;
  const result: JsonObject = isJsonObject(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else setMember(result, key, applyMergePatch(Object.hasOwn(result, key) ? result[key] : undefined, value));
  }
  return result;
}

/** The smallest merge patch that makes `target` of `source`. Both must be free of null members, which a merge patch cannot express. */
export function createMergePatch(source: JsonObject, target: JsonObject): JsonObject {
  const patch: JsonObject = {};
  for (const key of Object.keys(source)) {
    if (!Object.hasOwn(target, key)) setMember(patch, key, null);
  }
  for (const [key, value] of Object.entries(target)) {
    const old = Object.hasOwn(source, key) ? source[key] : undefined;
    if (Object.hasOwn(source, key) && jsonEqual(old, value)) continue;
    if (isJsonObject(old) && isJsonObject(value)) setMember(patch, key, createMergePatch(old, value));
    else setMember(patch, key, cloneJson(value));
  }
  return patch;
}
