/** Turns schemas into OpenAPI definitions, for version 2 and 3 alike, with Kubernetes' names and extensions. */
import type { FieldSchema, Schema, StructSchema } from "@coxswain/apimachinery";
import { describeField, describeType } from "../descriptions.ts";
import { schemas } from "../scheme.ts";

export type Definition = Record<string, unknown>;
export type OpenApiVersion = 2 | 3;

const meta = "io.k8s.apimachinery.pkg";

/** Types that are no structs of ours but have a name in the documents. */
const shared: Readonly<Record<string, Definition>> = {
  [`${meta}.api.resource.Quantity`]: {
    type: "string",
    description: "An amount with a unit, such as 250m, 1.5Gi or 3.",
  },
  [`${meta}.apis.meta.v1.Time`]: {
    type: "string",
    format: "date-time",
    description: "A time in RFC 3339, to the second.",
  },
  [`${meta}.apis.meta.v1.MicroTime`]: {
    type: "string",
    format: "date-time",
    description: "A time in RFC 3339, to the microsecond.",
  },
  [`${meta}.runtime.RawExtension`]: { type: "object", description: "Any object, kept as it is." },
  [`${meta}.apis.meta.v1.Patch`]: {
    type: "object",
    description: "What to change in an object, in the way its media type says.",
  },
};

/** "core/v1.Pod" → "io.k8s.api.core.v1.Pod". */
export function definitionName(schemaName: string): string {
  const [folder = "", kind = ""] = schemaName.split(".");
  const [group = "", version = ""] = folder.split("/");
  const prefix = {
    meta: `${meta}.apis`,
    apiextensions: "io.k8s.apiextensions-apiserver.pkg.apis",
    apiregistration: "io.k8s.kube-aggregator.pkg.apis",
  }[group];
  return `${prefix ?? "io.k8s.api"}.${group}.${version}.${kind}`;
}

export interface Definitions {
  /** A reference to a type, which is added with all that it refers to. */
  reference(schemaName: string): Definition;
  /** A reference to a body that is no struct of ours. */
  body(kind: "Patch" | "WatchEvent"): Definition;
  /** All definitions asked for so far, by name, in alphabetical order. */
  all(): Record<string, Definition>;
}

/** Collects definitions. `kinds` gives the group, version and kinds that a type is served as. */
export function collectDefinitions(
  version: OpenApiVersion,
  kinds: (schemaName: string) => readonly Definition[],
): Definitions {
  const found = new Map<string, Definition>();
  const prefix = version === 2 ? "#/definitions/" : "#/components/schemas/";
  const refer = (name: string): Definition => ({ $ref: prefix + name });

  function reference(schemaName: string): Definition {
    const name = definitionName(schemaName);
    if (!found.has(name)) {
      found.set(name, {});
      found.set(name, struct(schemas.get(schemaName)));
    }
    return refer(name);
  }

  function named(name: string): Definition {
    const definition = name.endsWith("IntOrString") ? intOrString(version) : shared[name];
    if (definition !== undefined) found.set(name, definition);
    return refer(name);
  }

  function watchEvent(): Definition {
    const name = `${meta}.apis.meta.v1.WatchEvent`;
    if (!found.has(name))
      found.set(name, {
        description: "One change that a watch tells of.",
        type: "object",
        properties: {
          object: named(`${meta}.runtime.RawExtension`),
          type: { type: "string", description: "ADDED, MODIFIED, DELETED, BOOKMARK or ERROR." },
        },
        required: ["type", "object"],
        "x-kubernetes-group-version-kind": kinds("meta/v1.WatchEvent"),
      });
    return refer(name);
  }

  function struct(schema: StructSchema): Definition {
    const properties: Record<string, Definition> = {};
    if (schema.isKind) {
      properties["apiVersion"] = {
        type: "string",
        description:
          "APIVersion defines the form in which this object is written, by group and version, such as apps/v1.",
      };
      properties["kind"] = { type: "string", description: "The kind of object this is, in CamelCase." };
    }
    for (const field of schema.fields.values()) properties[field.name] = property(schema, field);
    const required = [...schema.fields.values()].filter((field) => field.required).map(({ name }) => name);
    const served = kinds(schema.name);
    return {
      description: describeType(schema.name),
      type: "object",
      properties,
      ...(required.length > 0 && { required }),
      ...(schema.atomic && { "x-kubernetes-map-type": "atomic" }),
      ...(served.length > 0 && { "x-kubernetes-group-version-kind": served }),
    };
  }

  function property(owner: StructSchema, field: FieldSchema): Definition {
    const type = typeOf(field.schema);
    const extras: Definition = {
      description: describeField(owner.name, field.name),
      ...(field.fallback !== undefined && { default: field.fallback }),
      ...(field.listType !== undefined && { "x-kubernetes-list-type": field.listType }),
      ...(field.listKeys !== undefined && { "x-kubernetes-list-map-keys": field.listKeys }),
      ...(field.atomic === true && { "x-kubernetes-map-type": "atomic" }),
      ...(field.patchStrategies.length > 0 && { "x-kubernetes-patch-strategy": field.patchStrategies.join(",") }),
      ...(field.patchMergeKey !== undefined && { "x-kubernetes-patch-merge-key": field.patchMergeKey }),
    };
    if (version === 3 && type["$ref"] !== undefined) return { allOf: [type], ...extras };
    return { ...type, ...extras };
  }

  function typeOf(schema: Schema): Definition {
    switch (schema.type) {
      case "struct":
        return reference(schema.name);
      case "list":
        return { type: "array", items: typeOf(schema.items) };
      case "map":
        return { type: "object", additionalProperties: typeOf(schema.values) };
      case "any":
        return named(`${meta}.runtime.RawExtension`);
      case "either":
        reference(schema.struct.name);
        return { description: "Several shapes are allowed." };
      case "scalar":
        return scalar(schema);
    }
  }

  function scalar(schema: Schema & { type: "scalar" }): Definition {
    switch (schema.scalar) {
      case "string":
        return schema.values === undefined ? { type: "string" } : { type: "string", enum: schema.values };
      case "bool":
        return { type: "boolean" };
      case "int32":
      case "int64":
        return { type: "integer", format: schema.scalar };
      case "double":
        return { type: "number", format: "double" };
      case "bytes":
        return { type: "string", format: "byte" };
      case "duration":
        return { type: "string" };
      case "time":
        return named(`${meta}.apis.meta.v1.Time`);
      case "microtime":
        return named(`${meta}.apis.meta.v1.MicroTime`);
      case "quantity":
        return named(`${meta}.api.resource.Quantity`);
      case "intOrString":
        return named(`${meta}.util.intstr.IntOrString`);
    }
  }

  return {
    reference,
    body: (kind) => (kind === "Patch" ? named(`${meta}.apis.meta.v1.Patch`) : watchEvent()),
    all: () => Object.fromEntries([...found].sort(([left], [right]) => (left < right ? -1 : 1))),
  };
}

function intOrString(version: OpenApiVersion): Definition {
  const description = "A number, or a name or percentage.";
  if (version === 2) return { type: "string", format: "int-or-string", description };
  return { oneOf: [{ type: "integer" }, { type: "string" }], format: "int-or-string", description };
}
