/**
 * A schema must be structural: every value it describes has a type or says that it may be anything, nothing is said twice, and what only says
 * more of a value (`allOf` and its kin) describes no new one. After apiextensions-apiserver's validation of schemas; what defaults and rules
 * are worth is asked by the server, which can carry them out.
 */
import { type DeepReadonly, type FieldError, fieldErrors } from "@coxswain/apimachinery";
import type { JSONSchemaProps } from "../types.ts";

const { forbidden, invalid, notSupported, required } = fieldErrors;
type Schema = DeepReadonly<JSONSchemaProps>;

const types = ["array", "boolean", "integer", "number", "object", "string"];

export function structuralErrors(root: Schema, path: string): FieldError[] {
  const errors = [...memberErrors(root, path), ...resourceErrors(root, path, true)];
  if (root.nullable === true) errors.push(forbidden(`${path}.nullable`, "nullable cannot be true at the root"));
  if (isSchema(root.additionalProperties))
    errors.push(forbidden(`${path}.additionalProperties`, "must not be used at the root"));
  if (root.properties?.["metadata"]?.default !== undefined)
    errors.push(forbidden(`${path}.properties[metadata].default`, "must not be set in top-level metadata"));
  if (!root.type) return [required(`${path}.type`, "must not be empty at the root"), ...errors];
  return root.type === "object"
    ? errors
    : [invalid(`${path}.type`, root.type, "must be object at the root"), ...errors];
}

/** What is wrong with a schema and all that lies in it, but its own type. */
function memberErrors(schema: Schema, path: string): FieldError[] {
  const { items, additionalProperties, properties = {} } = schema;
  const errors = [
    ...unsupported(schema, path),
    ...listErrors(schema, path),
    ...mapErrors(schema, path),
    ...junctionErrors(schema, path),
  ];
  for (const [name, part] of Object.entries(properties))
    errors.push(...typedErrors(part, `${path}.properties[${name}]`, "must not be empty for specified object fields"));
  if (isSchema(items))
    errors.push(...typedErrors(items, `${path}.items`, "must not be empty for specified array items"));
  if (isSchema(additionalProperties)) {
    const words = "must not be empty for specified object fields";
    errors.push(...typedErrors(additionalProperties, `${path}.additionalProperties`, words));
  }
  return errors;
}

function typedErrors(schema: Schema, path: string, words: string): FieldError[] {
  const { type } = schema;
  const isFree =
    schema["x-kubernetes-int-or-string"] === true || schema["x-kubernetes-preserve-unknown-fields"] === true;
  const errors: FieldError[] = [];
  if (!type && !isFree && schema.$ref === undefined) errors.push(required(`${path}.type`, words));
  if (type && !types.includes(type)) errors.push(notSupported(`${path}.type`, type, types));
  if (type === "null")
    errors.push(forbidden(`${path}.type`, "type cannot be set to null, use nullable as an alternative"));
  if (type === "array" && schema.items === undefined) errors.push(required(`${path}.items`, "must be specified"));
  return [...errors, ...memberErrors(schema, path), ...resourceErrors(schema, path, false)];
}

function unsupported(schema: Schema, path: string): FieldError[] {
  const errors: FieldError[] = [];
  for (const name of ["definitions", "dependencies", "patternProperties"] as const)
    if (Object.keys(schema[name] ?? {}).length > 0)
      errors.push(forbidden(`${path}.${name}`, `${name} is not supported`));
  for (const name of ["id", "additionalItems", "$ref"] as const)
    if (schema[name] !== undefined && schema[name] !== "")
      errors.push(forbidden(`${path}.${name}`, `${name} is not supported`));
  if (schema.uniqueItems === true)
    errors.push(
      forbidden(
        `${path}.uniqueItems`,
        "uniqueItems cannot be set to true since the runtime complexity becomes quadratic",
      ),
    );
  const { additionalProperties, properties } = schema;
  if (Object.keys(properties ?? {}).length > 0 && additionalProperties !== undefined && additionalProperties !== true)
    errors.push(forbidden(`${path}.additionalProperties`, "additionalProperties and properties are mutual exclusive"));
  if (Array.isArray(schema.items))
    errors.push(forbidden(`${path}.items`, "items must be a schema object and not an array"));
  if (schema["x-kubernetes-preserve-unknown-fields"] === false)
    errors.push(invalid(`${path}.x-kubernetes-preserve-unknown-fields`, false, "must be true or undefined"));
  return errors;
}

/** A member that another one demands of the type. */
function demanded({ type }: Schema, path: string, wanted: string, by: string): FieldError[] {
  if (type === wanted) return [];
  return type
    ? [invalid(`${path}.type`, type, `must be ${wanted} if ${by}`)]
    : [required(`${path}.type`, `must be ${wanted} if ${by}`)];
}

function mapErrors(schema: Schema, path: string): FieldError[] {
  const mapType = schema["x-kubernetes-map-type"];
  if (mapType === undefined) return [];
  if (mapType !== "atomic" && mapType !== "granular")
    return [notSupported(`${path}.x-kubernetes-map-type`, mapType, ["atomic", "granular"])];
  return demanded(schema, path, "object", "x-kubernetes-map-type is specified");
}

function listErrors(schema: Schema, path: string): FieldError[] {
  const listType = schema["x-kubernetes-list-type"];
  const keys = schema["x-kubernetes-list-map-keys"] ?? [];
  const [typePath, keysPath] = [`${path}.x-kubernetes-list-type`, `${path}.x-kubernetes-list-map-keys`];
  const errors: FieldError[] = [];
  if (listType !== undefined) {
    errors.push(...demanded(schema, path, "array", "x-kubernetes-list-type is specified"));
    if (!["atomic", "set", "map"].includes(listType))
      errors.push(notSupported(typePath, listType, ["atomic", "set", "map"]));
  }
  if (keys.length > 0 && listType !== "map") {
    const words = "must be map if x-kubernetes-list-map-keys is non-empty";
    errors.push(listType === undefined ? required(typePath, words) : invalid(typePath, listType, words));
  }
  const items = isSchema(schema.items) ? schema.items : undefined;
  if (listType === "set" && items) errors.push(...setItemErrors(items, `${path}.items`));
  if (listType !== "map") return errors;
  if (keys.length === 0) errors.push(required(keysPath, "must not be empty if x-kubernetes-list-type is map"));
  if (!items) return [...errors, required(`${path}.items`, "must have a schema if x-kubernetes-list-type is map")];
  if (items.type !== undefined && items.type !== "object")
    errors.push(
      invalid(`${path}.items.type`, items.type, "must be object if parent array's x-kubernetes-list-type is map"),
    );
  else errors.push(...keyErrors(items, keys, `${path}.items`, keysPath));
  return errors;
}

function setItemErrors(items: Schema, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const words = "must be atomic as item of a list with x-kubernetes-list-type=set";
  if (items.nullable === true)
    errors.push(forbidden(`${path}.nullable`, "cannot be nullable when x-kubernetes-list-type is set"));
  const member = items.type === "object" ? "x-kubernetes-map-type" : "x-kubernetes-list-type";
  if ((items.type === "object" || items.type === "array") && items[member] !== "atomic")
    errors.push(invalid(`${path}.${member}`, items[member] ?? null, words));
  return errors;
}

function keyErrors(items: Schema, keys: readonly string[], path: string, keysPath: string): FieldError[] {
  const { properties = {} } = items;
  const errors: FieldError[] = [];
  for (const key of new Set(keys)) {
    const part = Object.hasOwn(properties, key) ? properties[key] : undefined;
    if (!part) continue;
    const at = `${path}.properties[${key}]`;
    if (part.type === "array" || part.type === "object")
      errors.push(
        invalid(`${at}.type`, part.type, "must be a scalar type if parent array's x-kubernetes-list-type is map"),
      );
    const why = "this property is in x-kubernetes-list-map-keys, so it";
    if (part.default === undefined && items.required?.includes(key) !== true)
      errors.push(required(`${at}.default`, `${why} must have a default or be a required property`));
    if (part.nullable === true) errors.push(forbidden(`${at}.nullable`, `${why} cannot be nullable`));
  }
  if (keys.some((key) => !Object.hasOwn(properties, key)))
    errors.push(invalid(keysPath, keys, "entries must all be names of item properties"));
  if (new Set(keys).size < keys.length) errors.push(invalid(keysPath, keys, "must not contain duplicate entries"));
  return errors;
}

/** Of what every object has a schema says little, and no object is embedded without being told of. */
function resourceErrors(schema: Schema, path: string, isRoot: boolean): FieldError[] {
  const isEmbedded = schema["x-kubernetes-embedded-resource"] === true;
  const { properties = {} } = schema;
  const errors: FieldError[] = [];
  if (isEmbedded) {
    const isFree = schema["x-kubernetes-preserve-unknown-fields"] === true;
    if (!isFree && Object.keys(properties).length === 0)
      errors.push(
        required(
          `${path}.properties`,
          "must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields",
        ),
      );
    errors.push(...demanded(schema, path, "object", "x-kubernetes-embedded-resource is true"));
  }
  if (!isRoot && !isEmbedded) return errors;
  for (const [name, wanted] of [
    ["metadata", "object"],
    ["apiVersion", "string"],
    ["kind", "string"],
  ] as const) {
    const type = properties[name]?.type;
    if (type && type !== wanted) errors.push(invalid(`${path}.properties[${name}].type`, type, `must be ${wanted}`));
  }
  const { type: _type, default: _default, properties: named = {}, ...more } = properties["metadata"] ?? {};
  if (!isRoot) return errors;
  const others = Object.keys(named).filter((name) => name !== "name" && name !== "generateName");
  const words = "must not specify anything other than name and generateName, but metadata is implicitly specified";
  if (others.length > 0 || Object.keys(more).length > 0) errors.push(forbidden(`${path}.properties[metadata]`, words));
  return errors;
}

/** What only says more of a value says nothing of its shape; of a value that may be a number or a text it may repeat the types. */
function junctionErrors(schema: Schema, path: string): FieldError[] {
  const isEither = schema["x-kubernetes-int-or-string"] === true;
  const errors = (["allOf", "anyOf", "oneOf"] as const).flatMap((name) =>
    (schema[name] ?? []).flatMap((part, index) => shapeErrors(part, `${path}.${name}[${index}]`, isEither)),
  );
  return schema.not ? [...errors, ...shapeErrors(schema.not, `${path}.not`, false)] : errors;
}

function shapeErrors(schema: Schema, path: string, mayHaveType: boolean): FieldError[] {
  const says = (name: keyof JSONSchemaProps, words: string): FieldError[] =>
    schema[name] === undefined || schema[name] === "" || schema[name] === false
      ? []
      : [forbidden(`${path}.${name}`, `must be ${words} to be structural`)];
  const { properties = {}, items } = schema;
  const inner = (["allOf", "anyOf", "oneOf"] as const).flatMap((name) =>
    (schema[name] ?? []).flatMap((part, index) => shapeErrors(part, `${path}.${name}[${index}]`, mayHaveType)),
  );
  return [
    ...says("additionalProperties", "undefined"),
    ...says("default", "undefined"),
    ...says("description", "empty"),
    ...says("nullable", "false"),
    ...says("title", "empty"),
    ...(mayHaveType && (schema.type === "integer" || schema.type === "string") ? [] : says("type", "empty")),
    ...says("x-kubernetes-embedded-resource", "false"),
    ...says("x-kubernetes-int-or-string", "false"),
    ...says("x-kubernetes-list-map-keys", "empty"),
    ...says("x-kubernetes-list-type", "undefined"),
    ...says("x-kubernetes-map-type", "undefined"),
    ...says("x-kubernetes-preserve-unknown-fields", "undefined"),
    ...Object.entries(properties).flatMap(([name, part]) => shapeErrors(part, `${path}.properties[${name}]`, false)),
    ...(isSchema(items) ? shapeErrors(items, `${path}.items`, false) : []),
    ...inner,
    ...(schema.not ? shapeErrors(schema.not, `${path}.not`, false) : []),
  ];
}

function isSchema(part: unknown): part is Schema {
  return typeof part === "object" && part !== null && !Array.isArray(part);
}
