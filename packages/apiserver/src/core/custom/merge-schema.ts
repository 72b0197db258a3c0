// A definition's schema in the form by which apply sees values: which lists have keys, which maps are owned as one, of which type scalars are.
// Whether values are as they should be is asked in `validate.ts`.
import type { FieldSchema, MapSchema, ScalarName, Schema, StructSchema } from "@coxswain/apimachinery";
import { findSchema } from "@coxswain/api";
import type { JsonSchema } from "./structural.ts";
import { isSchema } from "./structural.ts";

/** `name` is for messages only. */
export function mergeSchemaOf(schema: JsonSchema, name: string): StructSchema {
  const struct = structOf(schema, name, true);
  return { ...struct, fields: new Map([["metadata", metadataField()], ...struct.fields]) };
}

/** Of any object. */
export function metadataField(): FieldSchema {
  const metadata = findSchema({ group: "", version: "v1", kind: "ConfigMap" })?.fields.get("metadata");
  if (!metadata) throw new Error("the scheme has no metadata");
  return metadata;
}

const anything: Schema = { type: "any" };
/** Of what no schema tells: members are owned one by one, lists as a whole. */
const deduced: MapSchema = {
  type: "map",
  deduced: true,
  get values(): Schema {
    return deduced;
  },
};

function structOf(schema: JsonSchema, name: string, isKind: boolean): StructSchema {
  const fields = new Map<string, FieldSchema>();
  for (const [member, part] of Object.entries(schema.properties ?? {}))
    if (!isKind || (member !== "apiVersion" && member !== "kind")) fields.set(member, fieldOf(member, part));
  if (isKind) fields.delete("metadata");
  if (schema["x-kubernetes-embedded-resource"] === true) {
    for (const member of ["apiVersion", "kind"]) fields.set(member, { ...plain(member), schema: scalar("string") });
    fields.set("metadata", metadataField());
  }
  const others = schema["x-kubernetes-preserve-unknown-fields"] === true && { others: deduced };
  return { type: "struct", name, isKind, atomic: schema["x-kubernetes-map-type"] === "atomic", fields, ...others };
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
  const { items, additionalProperties, properties, type } = part;
  if (part["x-kubernetes-int-or-string"] === true) return scalar("intOrString");
  if (type === "array") return { type: "list", items: isSchema(items) ? schemaOf(items, name) : anything };
  if (type !== "object" && part["x-kubernetes-preserve-unknown-fields"] !== true) return scalarOf(part);
  if (properties) return structOf(part, name, false);
  if (isSchema(additionalProperties)) return { type: "map", values: schemaOf(additionalProperties, name) };
  return deduced;
}

/** A text with a format may be any scalar. */
function scalarOf({ type, format }: JsonSchema): Schema {
  switch (type) {
    case "string":
      return scalar(format === undefined || format === "byte" ? "string" : "intOrString");
    case "integer":
    case "number":
      return scalar("double");
    case "boolean":
      return scalar("bool");
    default:
      return anything;
  }
}

function scalar(name: ScalarName): Schema {
  return { type: "scalar", scalar: name };
}
