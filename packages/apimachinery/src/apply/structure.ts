/**
 * How apply sees a value of a schema: a leaf that is owned as one, a map of named members, or a list whose items are told apart by keys or by
 * value. Fields without a list type are associative when patches merge them, otherwise atomic (structured-merge-diff, as Kubernetes uses it).
 */
import { isJsonObject } from "../json-value.ts";
import type { FieldSchema, Schema } from "../schema.ts";

export type Structure =
  | { readonly is: "leaf" }
  | {
      readonly is: "members";
      readonly member: (name: string) => Structure;
      /** Names are data, not fields. */ readonly open: boolean;
    }
  /** Keys are in the order of their names. */
  | { readonly is: "items"; readonly keys: readonly ListKey[]; readonly item: Structure };

interface ListKey {
  readonly name: string;
  readonly fallback: unknown;
}

const leaf: Structure = { is: "leaf" };
const known = new WeakMap<object, Structure>();

/** The structure of a whole object or of a field's value. */
export function structureOf(schema: Schema): Structure {
  const found = known.get(schema);
  if (found !== undefined) return found;
  const structure = build(schema);
  known.set(schema, structure);
  return structure;
}

function build(schema: Schema): Structure {
  if (schema.type === "map") {
    const values = schema.values;
    return { is: "members", open: true, member: () => structureOf(values) };
  }
  if (schema.type !== "struct" || schema.atomic) return leaf;
  const members = new Map<string, Structure>();
  return {
    is: "members",
    open: false,
    member(name) {
      const found = members.get(name);
      if (found !== undefined) return found;
      const field = schema.isKind && (name === "apiVersion" || name === "kind") ? undefined : schema.fields.get(name);
      if (field === undefined) return schema.others ? structureOf(schema.others) : leaf;
      const structure = fieldStructure(field);
      members.set(name, structure);
      return structure;
    },
  };
}

export function fieldStructure(field: FieldSchema): Structure {
  const found = known.get(field);
  if (found !== undefined) return found;
  const structure =
    field.atomic === true
      ? leaf
      : field.schema.type === "list"
        ? listStructure(field, field.schema.items)
        : structureOf(field.schema);
  known.set(field, structure);
  return structure;
}

function listStructure(field: FieldSchema, items: Schema): Structure {
  const merges = field.listType === undefined && field.patchStrategies.includes("merge");
  const names =
    field.listType === "map"
      ? (field.listKeys ?? [])
      : merges && field.patchMergeKey !== undefined
        ? [field.patchMergeKey]
        : [];
  if (names.length === 0 && field.listType !== "set" && !merges) return leaf;
  const fallbackOf = (name: string): unknown =>
    items.type === "struct" ? items.fields.get(name)?.fallback : undefined;
  return {
    is: "items",
    keys: names.toSorted().map((name) => ({ name, fallback: fallbackOf(name) })),
    item: structureOf(items),
  };
}

/** The path element of a list's item: `k:{…}` by its keys, `v:…` by its value. Items without any of the keys have none. */
export function itemElement(structure: Structure & { is: "items" }, item: unknown): string | undefined {
  if (structure.keys.length === 0) return `v:${JSON.stringify(item)}`;
  if (!isJsonObject(item)) return undefined;
  let keys = "";
  for (const { name, fallback } of structure.keys) {
    const value = item[name] ?? fallback;
    if (value !== undefined) keys += `${keys === "" ? "" : ","}${JSON.stringify(name)}:${JSON.stringify(value)}`;
  }
  return keys === "" ? undefined : interned(`k:{${keys}}`);
}

/** The path element of a field. */
export function fieldElement(name: string): string {
  const known = fieldElements.get(name);
  if (known !== undefined) return known;
  if (fieldElements.size >= mostInterned) fieldElements.clear();
  const element = `f:${name}`;
  fieldElements.set(name, element);
  return element;
}

/** The same text as one that was seen before, if it was: a new text costs more than all else when it becomes the name of a member. */
function interned(text: string): string {
  const known = texts.get(text);
  if (known !== undefined) return known;
  if (texts.size >= mostInterned) texts.clear();
  texts.set(text, text);
  return text;
}

const mostInterned = 10_000;
const fieldElements = new Map<string, string>();
const texts = new Map<string, string>();

/** The children of a container value with their path elements and structures. Later items with the same element are left out. */
export function childrenOf(
  structure: Structure,
  value: unknown,
): Map<string, { value: unknown; structure: Structure }> {
  const children = new Map<string, { value: unknown; structure: Structure }>();
  if (structure.is === "members" && isJsonObject(value)) {
    for (const [name, child] of Object.entries(value))
      children.set(fieldElement(name), { value: child, structure: structure.member(name) });
  } else if (structure.is === "items" && Array.isArray(value)) {
    for (const item of value) {
      const element = itemElement(structure, item);
      if (element !== undefined && !children.has(element))
        children.set(element, { value: item, structure: structure.item });
    }
  }
  return children;
}

/** Whether a value is looked into: containers that are empty count as leaves. */
export function isContainer(structure: Structure, value: unknown): boolean {
  if (structure.is === "members") return isJsonObject(value) && Object.keys(value).length > 0;
  return structure.is === "items" && Array.isArray(value) && value.length > 0;
}
