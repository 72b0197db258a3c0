// Of which types the values of a schema are in the rules of a definition. What has no type there cannot be reached by rules at all. After apiserver's
// `pkg/cel/common/schemas.go`.
import { unescapedName } from "../cel/member-names.ts";
import type { Type } from "../cel/static-types.ts";
import { bool, dyn, int, listOf, mapOf, plain, text, unsure } from "../cel/static-types.ts";
import type { JsonSchema } from "./structural.ts";
import { isSchema } from "./structural.ts";

const ofFormats: Readonly<Record<string, Type>> = {
  byte: plain("bytes"),
  duration: plain("duration"),
  date: plain("timestamp"),
  "date-time": plain("timestamp"),
};

const metadata: JsonSchema = {
  type: "object",
  properties: { name: { type: "string" }, generateName: { type: "string" } },
};
const ofObjects: Readonly<Record<string, JsonSchema>> = {
  apiVersion: { type: "string" },
  kind: { type: "string" },
  metadata,
};

/** Undefined for what rules cannot reach. `name` is shown where an object does not fit. */
export function typeOfSchema(schema: JsonSchema, name = "selfType", isRoot = false): Type | undefined {
  if (schema["x-kubernetes-int-or-string"] === true) return dyn;
  switch (schema.type) {
    case "boolean":
      return bool;
    case "integer":
      return int;
    case "number":
      return plain("double");
    case "string":
      return ofFormats[schema.format ?? ""] ?? text;
    case "array": {
      const item = isSchema(schema.items) ? typeOfSchema(schema.items, `${name}.@idx`) : undefined;
      return item && listOf(item);
    }
    case "object":
      return ofObject(schema, name, isRoot);
    default:
      return undefined;
  }
}

function ofObject(schema: JsonSchema, name: string, isRoot: boolean): Type | undefined {
  const { additionalProperties, properties = {} } = schema;
  if (isSchema(additionalProperties)) {
    const value = typeOfSchema(additionalProperties, `${name}.@elem`);
    return value && mapOf(text, value);
  }
  if (additionalProperties === true) return unsure;
  const hasMetadata = isRoot || schema["x-kubernetes-embedded-resource"] === true;
  const all = hasMetadata ? { ...properties, ...ofObjects } : properties;
  return {
    name,
    of: [],
    member: (spelled) => {
      const own = unescapedName(spelled);
      const found = Object.hasOwn(all, own) ? all[own] : undefined;
      return found && typeOfSchema(found, `${name}.${own}`);
    },
  };
}
