/** Validation of config maps: keys, size, and that an immutable one stays as it is. */
import { configMapKeyErrors, type DeepReadonly, type FieldError, fieldErrors, jsonEqual } from "@coxswain/apimachinery";
import { wholeObject, wrong } from "../../../validation/values.ts";
import type { ConfigMap } from "../types.ts";

/** Of all values of a config map or secret together. */
export const mostBytes = 1024 * 1024;
const whenImmutable = "field is immutable when `immutable` is set";

export function validateConfigMap(map: DeepReadonly<ConfigMap>): FieldError[] {
  const { data = {}, binaryData = {} } = map;
  const errors: FieldError[] = [];
  let bytes = 0;
  for (const [key, text] of Object.entries(data)) {
    errors.push(...wrong(`data[${key}]`, key, configMapKeyErrors(key)));
    if (Object.hasOwn(binaryData, key))
      errors.push(fieldErrors.invalid(`data[${key}]`, key, "duplicate of key present in binaryData"));
    bytes += Buffer.byteLength(text);
  }
  for (const [key, text] of Object.entries(binaryData)) {
    errors.push(...wrong(`binaryData[${key}]`, key, configMapKeyErrors(key)));
    bytes += sizeOfBase64(text);
  }
  return bytes > mostBytes ? [...errors, fieldErrors.tooLong(wholeObject, "", mostBytes)] : errors;
}

export function sizeOfBase64(text: string): number {
  return Buffer.byteLength(text, "base64");
}

export function validateConfigMapUpdate(next: DeepReadonly<ConfigMap>, old: DeepReadonly<ConfigMap>): FieldError[] {
  return immutableParts(next, old, ["data", "binaryData"]);
}

/** What an object that was once made immutable must leave alone. */
export function immutableParts<T extends { readonly immutable?: boolean | undefined }>(
  next: T,
  old: T,
  fields: readonly (keyof T & string)[],
): FieldError[] {
  if (old.immutable !== true) return [];
  return [
    ...(next.immutable === true ? [] : [fieldErrors.forbidden("immutable", whenImmutable)]),
    ...fields
      .filter((field) => !jsonEqual(next[field] ?? null, old[field] ?? null))
      .map((field) => fieldErrors.forbidden(field, whenImmutable)),
  ];
}
