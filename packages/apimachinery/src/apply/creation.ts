/**
 * Who owns what right after a create: the maker, everything that is not as in an empty object. The same as comparing the two and turning
 * the difference into managed fields, in one walk without sets in between, since every object that is made passes through here.
 */
import { jsonEqual, type JsonObject, setMember } from "../json-value.ts";
import type { FieldsV1 } from "../meta.ts";
import { fieldsOfNew } from "./shapes.ts";
import { fieldElement, isContainer, type Structure } from "./structure.ts";

/**
 * The fields of `next` that `empty` does not have or has otherwise. Of the object itself `skipped` members are left out, and of its
 * metadata `skippedMetadata`.
 */
export function createdFields(
  structure: Structure,
  empty: JsonObject,
  next: JsonObject,
  skipped: ReadonlySet<string>,
  skippedMetadata: ReadonlySet<string>,
): FieldsV1 {
  if (structure.is !== "members") return {};
  const fields: FieldsV1 = {};
  for (const name of Object.keys(next).sort()) {
    if (skipped.has(name)) continue;
    const member = structure.member(name);
    const found =
      name === "metadata"
        ? metadataFields(member, empty[name], next[name], skippedMetadata)
        : difference(member, empty[name], next[name]);
    if (found !== undefined) fields[fieldElement(name)] = found;
  }
  return fields;
}

/** Nobody owns metadata itself. */
function metadataFields(
  structure: Structure,
  empty: unknown,
  next: unknown,
  skipped: ReadonlySet<string>,
): FieldsV1 | undefined {
  if (structure.is !== "members") return undefined;
  const before = empty as JsonObject | undefined;
  const fields: FieldsV1 = {};
  for (const [name, value] of Object.entries((next ?? {}) as JsonObject).sort(byName)) {
    if (skipped.has(name)) continue;
    const found = difference(structure.member(name), before?.[name], value);
    if (found !== undefined) fields[fieldElement(name)] = found;
  }
  return Object.keys(fields).length === 0 ? undefined : fields;
}

/** Undefined when there is none. */
function difference(structure: Structure, empty: unknown, next: unknown): FieldsV1 | undefined {
  if (next === undefined || empty === next) return undefined;
  if (!isContainer(structure, next)) {
    if (empty === undefined) return {};
    // What the empty object has and this one has not is nobody's.
    if (isContainer(structure, empty)) return undefined;
    return jsonEqual(empty, next) ? undefined : {};
  }
  if (empty === undefined) return fieldsOfNew(structure, next);
  const fields: FieldsV1 = {};
  if (structure.is === "members") {
    const before = (empty ?? {}) as JsonObject;
    const members = next as JsonObject;
    for (const name of Object.keys(members).sort()) {
      const found = difference(structure.member(name), before[name], members[name]);
      if (found !== undefined) setMember(fields as JsonObject, fieldElement(name), found);
    }
  } else {
    // Nothing of a list is like an item of another: all of it is new.
    for (const [element, found] of Object.entries(fieldsOfNew(structure, next)))
      if (element !== ".") setMember(fields as JsonObject, element, found);
  }
  return Object.keys(fields).length === 0 ? undefined : fields;
}

function byName([left]: readonly [string, unknown], [right]: readonly [string, unknown]): number {
  return left < right ? -1 : 1;
}
