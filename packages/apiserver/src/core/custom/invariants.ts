// What schemas demand of values beyond types and bounds: items of sets and keyed lists are told apart, embedded resources say what they are
// and have metadata like any object. After apiextensions-apiserver's `schema/listtype` and `schema/objectmeta`.
import { validateMetadata } from "@coxswain/api";
import {
  decode,
  DecodeError,
  dns1035LabelErrors,
  fieldErrors,
  isJsonObject,
  parseApiVersion,
  pathSegmentErrors,
} from "@coxswain/apimachinery";
import type { Decoded, FieldError, ObjectMeta, StructSchema } from "@coxswain/apimachinery";
import { metadataField } from "./merge-schema.ts";
import type { JsonSchema } from "./structural.ts";
import { isSchema } from "./structural.ts";

const { duplicate, invalid, required } = fieldErrors;

/** What stands twice in sets and keyed lists. */
export function duplicateErrors(value: unknown, schema: JsonSchema, path = ""): FieldError[] {
  const here = Array.isArray(value) ? repeated(value, schema, path) : [];
  const inner = parts(value, schema, path).flatMap((part) => duplicateErrors(part.value, part.schema, part.path));
  return [...here, ...inner];
}

function repeated(items: readonly unknown[], schema: JsonSchema, path: string): FieldError[] {
  const type = schema["x-kubernetes-list-type"];
  if (type !== "set" && type !== "map") return [];
  const keys = schema["x-kubernetes-list-map-keys"] ?? [];
  const keyOf = (item: unknown): unknown =>
    type === "map" && isJsonObject(item)
      ? Object.fromEntries(keys.filter((key) => Object.hasOwn(item, key)).map((key) => [key, item[key]]))
      : item;
  const errors: FieldError[] = [];
  const seen = new Set<string>();
  for (const [index, item] of items.entries()) {
    // No further item is looked at then.
    if (type === "map" && !isJsonObject(item))
      return [...errors, invalid(`${path}[${index}]`, item, "must be an object for an array of list-type map")];
    const key = JSON.stringify(keyOf(item));
    if (seen.has(key)) errors.push(duplicate(`${path}[${index}]`, keyOf(item)));
    seen.add(key);
  }
  return errors;
}

/** What is wrong with the resources that are embedded in a value. */
export function embeddedErrors(value: unknown, schema: JsonSchema, path = ""): FieldError[] {
  const isEmbedded = isJsonObject(value) && schema["x-kubernetes-embedded-resource"] === true;
  const inner = parts(value, schema, path).flatMap((part) => embeddedErrors(part.value, part.schema, part.path));
  return isEmbedded ? [...resourceErrors(value, path), ...inner] : inner;
}

function resourceErrors(resource: Readonly<Record<string, unknown>>, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const { apiVersion, kind, metadata } = resource;
  for (const name of ["apiVersion", "kind"]) {
    const value = resource[name];
    if (!Object.hasOwn(resource, name)) errors.push(required(`${path}.${name}`));
    else if (typeof value !== "string") errors.push(invalid(`${path}.${name}`, value, "must be a string"));
    else if (value === "") errors.push(invalid(`${path}.${name}`, value, "must not be empty"));
  }
  if (typeof apiVersion === "string" && apiVersion !== "" && !parseApiVersion(apiVersion))
    errors.push(invalid(`${path}.apiVersion`, apiVersion, `unexpected GroupVersion string: ${apiVersion}`));
  if (typeof kind === "string" && kind !== "") {
    const faults = dns1035LabelErrors(kind.toLowerCase());
    const why = `may have mixed case, but should otherwise match: ${faults.join(",")}`;
    if (faults.length > 0) errors.push(invalid(`${path}.kind`, kind, why));
  }
  if (isJsonObject(metadata)) {
    const { name, namespace } = metadata as Partial<ObjectMeta>;
    const meta = { ...metadata, name: name || "fakename" } as ObjectMeta;
    errors.push(...validateMetadata(meta, (namespace ?? "") !== "", pathSegmentErrors, `${path}.metadata`));
  }
  return errors;
}

/** Reads metadata of any object; throws a `DecodeError`. Complaints and hints name no path above it. */
export function readMetadata(input: unknown): Decoded {
  return decode(metadataField().schema as StructSchema, input ?? {});
}

/**
 * Brings the metadata of embedded resources into the form of any object's, in place; returns the paths of what it does not know. Throws a
 * `DecodeError`.
 */
export function coerceEmbedded(value: unknown, schema: JsonSchema, path = ""): string[] {
  const here = isJsonObject(value) && schema["x-kubernetes-embedded-resource"] === true ? coerced(value, path) : [];
  return [...here, ...parts(value, schema, path).flatMap((part) => coerceEmbedded(part.value, part.schema, part.path))];
}

function coerced(resource: Record<string, unknown>, path: string): string[] {
  const refused = (name: string, why: string, cause?: unknown): DecodeError =>
    new DecodeError(`${path}.${name}: Invalid value: ${JSON.stringify(resource[name])}: ${why}`, { cause });
  for (const name of ["apiVersion", "kind"])
    if (Object.hasOwn(resource, name) && typeof resource[name] !== "string") throw refused(name, "must be a string");
  if (!Object.hasOwn(resource, "metadata")) return [];
  try {
    const { value, complaints } = readMetadata(resource["metadata"]);
    resource["metadata"] = value;
    return complaints.map((complaint) => `${path}.metadata.${/^unknown field "(.*)"$/.exec(complaint)?.[1] ?? ""}`);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    throw refused("metadata", error.message, error);
  }
}

/** What lies in a value, as far as its schema knows. */
function parts(
  value: unknown,
  { items, properties, additionalProperties }: JsonSchema,
  path: string,
): readonly { readonly value: unknown; readonly schema: JsonSchema; readonly path: string }[] {
  if (Array.isArray(value))
    return isSchema(items)
      ? value.map((item, index) => ({ value: item, schema: items, path: `${path}[${index}]` }))
      : [];
  if (!isJsonObject(value)) return [];
  return Object.entries(value).flatMap(([name, member]) => {
    const known = properties && Object.hasOwn(properties, name) ? properties[name] : undefined;
    if (known) return { value: member, schema: known, path: path === "" ? name : `${path}.${name}` };
    return isSchema(additionalProperties)
      ? { value: member, schema: additionalProperties, path: `${path}[${name}]` }
      : [];
  });
}
