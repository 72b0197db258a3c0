// Of which types the members of a kind's objects are, as far as expressions are checked by them: down to lists and maps, whose items may be
// anything that is no plain value. What JSON and expressions see differently (times, quantities, numbers or texts) may be anything, too.
import type { Schema, StructSchema } from "@coxswain/apimachinery";
import type { MemberTypes } from "../../cel/type-check.ts";
import type { JsonSchema } from "../../custom/structural.ts";
import { isSchema } from "../../custom/structural.ts";
import type { Kind } from "../../registry/kind.ts";

type Type = string | MemberTypes;

const scalars: Readonly<Record<string, string>> = {
  string: "string",
  bool: "bool",
  int32: "int",
  int64: "int",
  double: "double",
};

export function memberTypesOf({ schema, rules: { openApi } }: Kind): MemberTypes {
  if (openApi === undefined) return ofStruct(schema, []);
  const own = ofJson(openApi as JsonSchema);
  return { ...(typeof own === "string" ? {} : own), apiVersion: "string", kind: "string", metadata: "dyn" };
}

/** `within`: the structs around it; one that stands in itself has no end. */
function ofStruct(schema: StructSchema, within: readonly StructSchema[]): MemberTypes {
  const inside = [...within, schema];
  const members = [...schema.fields].map(([name, field]) => [name, typeOf(field.schema, inside)] as const);
  return { ...(schema.isKind && { apiVersion: "string", kind: "string" }), ...Object.fromEntries(members) };
}

function typeOf(schema: Schema, within: readonly StructSchema[]): Type {
  switch (schema.type) {
    case "scalar":
      return scalars[schema.scalar] ?? "dyn";
    case "list":
      return `list<${nameOf(typeOf(schema.items, within))}>`;
    case "map":
      return `map<string, ${nameOf(typeOf(schema.values, within))}>`;
    case "struct":
      return schema.fields.size === 0 || within.includes(schema) ? "dyn" : ofStruct(schema, within);
    default:
      return "dyn";
  }
}

/** Inside of lists and maps only types with a name. */
function nameOf(type: Type): string {
  return typeof type === "string" ? type : "dyn";
}

function ofJson(schema: JsonSchema): Type {
  if (schema["x-kubernetes-int-or-string"] === true || schema["x-kubernetes-embedded-resource"] === true) return "dyn";
  switch (schema.type) {
    case "boolean":
      return "bool";
    case "integer":
      return "int";
    case "number":
      return "double";
    case "string":
      return schema.format === undefined || schema.format === "" ? "string" : "dyn";
    case "array":
      return `list<${isSchema(schema.items) ? nameOf(ofJson(schema.items)) : "dyn"}>`;
    case "object": {
      const { properties = {}, additionalProperties } = schema;
      if (schema["x-kubernetes-preserve-unknown-fields"] === true || additionalProperties === true) return "dyn";
      if (isSchema(additionalProperties)) return `map<string, ${nameOf(ofJson(additionalProperties))}>`;
      const members = Object.entries(properties).map(([name, part]) => [name, ofJson(part)] as const);
      return members.length === 0 ? "dyn" : Object.fromEntries(members);
    }
    default:
      return "dyn";
  }
}
