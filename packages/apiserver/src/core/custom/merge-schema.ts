// A definition's schema in the form by which apply sees values: which lists have keys, which maps are owned as one. Values themselves are
// checked by `validate.ts`; here every scalar is a leaf.
import type { FieldSchema, MapSchema, Schema, StructSchema } from "@coxswain/apimachinery";
import { findSchema } from "@coxswain/api";
import type { JsonSchema } from "./structural.ts";
import { isSchema } from "./structural.ts";

/** `name` is for messages only. */
export function mergeSchemaOf(schema: JsonSchema, name: string): StructSchema {
  const metadata = findSchema({ group: "", version: "v1", kind: "ConfigMap" })?.fields.get("metadata");
  if (!metadata) throw new Error("the scheme has no metadata");
  const struct = structOf(schema, name, true);
  return { ...struct, fields: new Map([["metadata", metadata], ...struct.fields]) };
}

const anything: Schema = { type: "any" };
/** Of what no schema tells: members are owned one by one, lists as a whole. */
const deduced: MapSchema = {
  type: "map",
  get values(): Schema {
    return deduced;
  },
};

function structOf(schema: JsonSchema, name: string, isKind: boolean): StructSchema {
  const fields = new Map<string, FieldSchema>();
  for (const [member, part] of Object.entries(schema.properties ?? {}))
    if (!isKind || (member !== "apiVersion" && member !== "kind")) fields.set(member, fieldOf(member, part));
  if (isKind) fields.delete("metadata");
  return { type: "struct", name, isKind, atomic: schema["x-kubernetes-map-type"] === "atomic", fields };
}

function plain(name: string): FieldSchema {
  return {
    name,
    schema: anything,
    required: false,
    omitEmpty: true,
    pointer: true,
    number: 0,
    embeddedIn: [],
    patchStrategies: [],
  };
}

function fieldOf(name: string, part: JsonSchema): FieldSchema {
  const listType = part["x-kubernetes-list-type"];
  const listKeys = part["x-kubernetes-list-map-keys"];
  return {
    ...plain(name),
    schema: schemaOf(part, name),
    ...(listType !== undefined && { listType: listType as "atomic" | "set" | "map" }),
    ...(listKeys !== undefined && { listKeys }),
    ...(part["x-kubernetes-map-type"] === "atomic" && { atomic: true }),
    ...(part.default !== undefined && { fallback: part.default }),
  };
}

function schemaOf(part: JsonSchema, name: string): Schema {
  const { items, additionalProperties, properties } = part;
  if (part.type === "array") return { type: "list", items: isSchema(items) ? schemaOf(items, name) : anything };
  if (part.type !== "object" && part["x-kubernetes-preserve-unknown-fields"] !== true) return anything;
  if (properties) return structOf(part, name, false);
  if (isSchema(additionalProperties)) return { type: "map", values: schemaOf(additionalProperties, name) };
  return deduced;
}
