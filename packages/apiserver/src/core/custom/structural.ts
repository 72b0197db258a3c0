// A custom resource's values against the schema of its definition: what is unknown is cut off, what is missing gets its default. Schemas are
// structural (every value has a type, or says that it may be anything), as validation of definitions demands. After the walks of
// apiextensions-apiserver's `schema/pruning` and `schema/defaulting`.
import { cloneJson, isJsonObject, setMember } from "@coxswain/apimachinery";
import type { JSONSchemaProps } from "@coxswain/api/apiextensions/v1";

export type JsonSchema = JSONSchemaProps;

/** Members that every object has, whatever its schema says. */
const ofEveryObject: ReadonlySet<string> = new Set(["apiVersion", "kind", "metadata"]);

/** Removes what the schema does not know, in place; returns the paths, as strict decoding names them. */
export function prune(object: Record<string, unknown>, schema: JsonSchema): string[] {
  const cut: string[] = [];
  pruneObject(object, schema, "", true, cut);
  return cut;
}

function pruneValue(value: unknown, schema: JsonSchema, path: string, cut: string[]): void {
  if (Array.isArray(value)) {
    const { items } = schema;
    if (isSchema(items)) for (const [index, item] of value.entries()) pruneValue(item, items, `${path}[${index}]`, cut);
  } else if (isJsonObject(value))
    pruneObject(value, schema, path, schema["x-kubernetes-embedded-resource"] === true, cut);
}

function pruneObject(
  object: Record<string, unknown>,
  schema: JsonSchema,
  path: string,
  isObject: boolean,
  cut: string[],
): void {
  const { additionalProperties } = schema;
  for (const [name, value] of Object.entries(object)) {
    if (isObject && ofEveryObject.has(name)) continue;
    const at = path === "" ? name : `${path}.${name}`;
    const known = memberSchema(schema, name);
    if (known) pruneValue(value, known, at, cut);
    else if (additionalProperties !== true && schema["x-kubernetes-preserve-unknown-fields"] !== true) {
      delete object[name];
      cut.push(at);
    }
  }
}

/** The schema of a member; undefined where there is none. */
export function memberSchema(schema: JsonSchema, name: string): JsonSchema | undefined {
  const { properties, additionalProperties } = schema;
  if (properties && Object.hasOwn(properties, name)) return properties[name];
  return isSchema(additionalProperties) ? additionalProperties : undefined;
}

/** Fills in defaults, in place; returns whether there was anything to do. Null where null may not be is as if nothing stood there. */
export function fillDefaults(value: unknown, schema: JsonSchema): boolean {
  let changed = false;
  if (Array.isArray(value)) {
    const { items } = schema;
    if (isSchema(items)) for (const item of value) changed = fillDefaults(item, items) || changed;
    return changed;
  }
  if (!isJsonObject(value)) return false;
  for (const [name, part] of Object.entries(schema.properties ?? {})) {
    const isNull = value[name] === null && part.nullable !== true;
    if (part.default !== undefined && (isNull || !Object.hasOwn(value, name))) {
      setMember(value, name, cloneJson(part.default));
      changed = true;
    } else if (isNull) {
      delete value[name];
      changed = true;
    }
  }
  for (const [name, member] of Object.entries(value)) {
    const known = memberSchema(schema, name);
    if (known) changed = fillDefaults(member, known) || changed;
  }
  return changed;
}

/** Whether there is anything to fill in, at any depth. */
export function hasDefaults({ properties, additionalProperties, items }: JsonSchema): boolean {
  return [...Object.values(properties ?? {}), additionalProperties, items].some(
    (part) => isSchema(part) && (part.default !== undefined || hasDefaults(part)),
  );
}

export function isSchema(part: unknown): part is JsonSchema {
  return isJsonObject(part);
}
