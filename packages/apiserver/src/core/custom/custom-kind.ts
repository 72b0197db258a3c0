// A version of a custom resource as one of the server's kinds: its schema in place of the scheme's, its columns in place of a printer.
import { validateMetadata, validateMetadataUpdate } from "@coxswain/api";
import type { ResourceInfo } from "@coxswain/api";
import type { CustomResourceDefinition, CustomResourceDefinitionVersion } from "@coxswain/api/apiextensions/v1";
import {
  age,
  cloneJson,
  dnsSubdomainErrors,
  fieldErrors,
  isJsonObject,
  jsonEqual,
  StatusError,
  statuses,
} from "@coxswain/apimachinery";
import type { ApiObject, Decoded, FieldError, JsonObject } from "@coxswain/apimachinery";
import { decodeWith } from "../body/decode-body.ts";
import { loadLanguage } from "../cel/lazily.ts";
import type { Conversion } from "../registry/conversions.ts";
import type { Kind } from "../registry/kind.ts";
import type { KindRules, KindTable, ScalePaths } from "../registry/rules.ts";
import type { Loose, Strategy } from "../registry/strategy.ts";
import type { Upkeep } from "../registry/upkeep.ts";
import { createUpkeep } from "../registry/upkeep.ts";
import type { ConversionPorts, Convert } from "./conversion-review.ts";
import { converterOf } from "./conversion-review.ts";
import { coerceEmbedded, duplicateErrors, embeddedErrors, readMetadata } from "./invariants.ts";
import { mergeSchemaOf } from "./merge-schema.ts";
import { hasRules, validateByRules } from "./rules.ts";
import { valuesAt } from "./simple-path.ts";
import type { JsonSchema } from "./structural.ts";
import { fillDefaults, hasDefaults, prune } from "./structural.ts";
import { validateBySchema } from "./validate.ts";

const verbs = ["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"];

/** The kinds of a definition: one for each version that is served. */
export function customKinds(definition: CustomResourceDefinition, ports: ConversionPorts): readonly Kind[] {
  const convert = converterOf(definition, ports);
  return definition.spec.versions
    .filter(({ served }) => served)
    .map((version) => customKind(definition, version, convert));
}

function customKind(
  definition: CustomResourceDefinition,
  version: CustomResourceDefinitionVersion,
  convert: Convert | undefined,
): Kind {
  const { group, names: wanted, scope } = definition.spec;
  const names = definition.status?.acceptedNames ?? wanted;
  const isEnding = definition.metadata.deletionTimestamp !== undefined;
  const { status, scale } = version.subresources ?? {};
  const info: ResourceInfo = {
    folder: `${group}/${version.name}`,
    group,
    version: version.name,
    resource: names.plural,
    kind: names.kind,
    singular: names.singular ?? "",
    namespaced: scope === "Namespaced",
    verbs: isEnding ? verbs.filter((verb) => verb !== "create") : verbs,
    shortNames: names.shortNames ?? [],
    categories: names.categories ?? [],
    subresources: [...(status ? ["status"] : []), ...(scale ? ["scale"] : [])],
  };
  const apiVersion = `${group}/${version.name}`;
  const schema = version.schema?.openAPIV3Schema ?? {};
  const merge = mergeSchemaOf(schema, `${apiVersion}.${names.kind}`);
  const selectable = version.selectableFields?.map(({ jsonPath }) => jsonPath) ?? [];
  const settle = settlerOf(definition, apiVersion, schema);
  const conversion = conversionOf(definition, version.name, schema, settle, convert);
  return {
    info,
    group,
    version: version.name,
    resource: names.plural,
    kind: names.kind,
    apiVersion,
    namespaced: info.namespaced,
    prefix: `/registry/${group}/${names.plural}/`,
    strategy: strategyOf(status !== undefined),
    hasStatus: status !== undefined,
    blankStatus: () => undefined,
    conversion,
    // What another program converts is never sent as it lies.
    upkeep: conversion?.remote ? undefined : createUpkeep(settle),
    schema: merge,
    fields: (object) =>
      Object.fromEntries(selectable.map((path) => [path.replace(/^\./, ""), textOf(valuesAt(object, path)[0])])),
    rules: rulesOf(info, version, schema, selectable, names.listKind || `${names.kind}List`),
  };
}

/**
 * Brings an object that was stored before, in whichever version, into the form of a version of today: what the schemas of both do not know is
 * cut off, and what was stored before there was a default gets it.
 */
function settlerOf({ spec }: CustomResourceDefinition, apiVersion: string, schema: JsonSchema): Upkeep["settle"] {
  const before = schemasOf(spec);
  return (object) => {
    const stored = object.apiVersion === apiVersion ? undefined : before.get(object.apiVersion ?? "");
    const cut = [...(stored ? prune(object as Loose, stored) : []), ...prune(object as Loose, schema)];
    const isFilled = fillDefaults(object, schema);
    const isOther = object.apiVersion !== apiVersion;
    object.apiVersion = apiVersion;
    return isOther || isFilled || cut.length > 0;
  };
}

/** By apiVersion, those that are not served any more among them. */
function schemasOf({ group, versions }: CustomResourceDefinition["spec"]): ReadonlyMap<string, JsonSchema> {
  return new Map(versions.map(({ name, schema }) => [`${group}/${name}`, schema?.openAPIV3Schema ?? {}]));
}

/** Without a webhook versions differ in their name and their schemas only. */
function conversionOf(
  { spec }: CustomResourceDefinition,
  version: string,
  schema: JsonSchema,
  settle: Upkeep["settle"],
  convert: Convert | undefined,
): Conversion | undefined {
  const storage = spec.versions.find(({ storage: isStored }) => isStored)?.name ?? version;
  if (spec.versions.length === 1 && !hasDefaults(schema)) return undefined;
  const stored = { group: spec.group, version: storage, resource: spec.names.plural };
  const asIs = (object: ApiObject): ApiObject => object;
  if (convert) return { stored, toStored: asIs, fromStored: asIs, remote: pruning(convert, schemasOf(spec)) };
  return {
    stored,
    toStored(object) {
      object.apiVersion = `${spec.group}/${storage}`;
      return object;
    },
    fromStored(object) {
      settle(object);
      return object;
    },
  };
}

/** What is given to another program, and what it makes of it, has nothing that its version does not know. */
function pruning(convert: Convert, schemas: ReadonlyMap<string, JsonSchema>): Convert {
  const pruned = (objects: readonly ApiObject[]): readonly ApiObject[] => {
    for (const object of objects) prune(object as Loose, schemas.get(object.apiVersion ?? "") ?? keepsAll);
    return objects;
  };
  return async (objects, apiVersion) => pruned(await convert(pruned(objects), apiVersion));
}

const keepsAll: JsonSchema = { "x-kubernetes-preserve-unknown-fields": true };

function strategyOf(hasStatus: boolean): Strategy {
  return {
    unconditionalUpdate: false,
    statusKeepsMetadata: true,
    prepareForCreate(object) {
      object.metadata.generation = 1;
    },
    prepareForUpdate(object, old) {
      const generation = old.metadata.generation ?? 1;
      object.metadata.generation = generation;
      if (!jsonEqual(contentOf(object, hasStatus), contentOf(old, hasStatus)))
        object.metadata.generation = generation + 1;
    },
  };
}

/** What counts for the generation: all but metadata, and status where that is written apart. */
function contentOf(object: ApiObject, hasStatus: boolean): JsonObject {
  const { metadata: _metadata, apiVersion: _apiVersion, ...content } = object as Loose;
  if (hasStatus) delete content["status"];
  return content as JsonObject;
}

function rulesOf(
  info: ResourceInfo,
  version: CustomResourceDefinitionVersion,
  schema: JsonSchema,
  selectable: readonly string[],
  listKind: string,
): KindRules {
  const { scale } = version.subresources ?? {};
  const known = new Set(["metadata.name", "metadata.namespace", ...selectable.map((path) => path.replace(/^\./, ""))]);
  const deprecation = version.deprecationWarning ?? `${info.group}/${info.version} ${info.kind} is deprecated`;
  return {
    decode(parsed, validation, warn) {
      checkIdentity(parsed.value, info);
      const unordered = { value: parsed.value, complaints: parsed.complaints };
      return decodeWith(unordered, info, (input) => read(input, schema), validation, warn);
    },
    setDefaults: (object) => fillDefaults(object, schema),
    prepare: () => (hasRules(schema) ? loadLanguage() : undefined),
    validateCreate: (object) => [
      ...validateMetadata(object.metadata, info.namespaced, dnsSubdomainErrors),
      ...validateContent(object, schema, scale),
    ],
    validateUpdate: (object, old) => [
      ...validateMetadataUpdate(object.metadata, old.metadata),
      ...validateMetadata(object.metadata, info.namespaced, dnsSubdomainErrors),
      ...validateContent(object, schema, scale, old),
    ],
    warnings: finalizerWarnings,
    notices: version.deprecated === true ? [deprecation] : [],
    keptFieldLabel: (field) => field,
    fieldLabelError: (field) => (known.has(field) ? undefined : `field label not supported: ${field}`),
    table: tableOf(version),
    listKind,
    namesItems: true,
    mergesStrategically: false,
    openApi: { ...schema },
    ...(scale && { scale }),
  };
}

/** The schema first, then what else it demands, then its rules. */
function validateContent(
  object: ApiObject,
  schema: JsonSchema,
  scale: ScalePaths | undefined,
  old?: ApiObject,
): FieldError[] {
  const hadDuplicates = old !== undefined && duplicateErrors(old, schema).length > 0;
  const errors = [
    ...validateBySchema(object, schema, "", old),
    ...(scale ? scaleErrors(object, scale) : []),
    ...embeddedErrors(object, schema),
    ...(hadDuplicates ? [] : duplicateErrors(object, schema)),
  ];
  return [...errors, ...validateByRules(object, schema, errors, old)];
}

const mostReplicas = 2 ** 31 - 1;

/** The numbers that /scale shows. */
function scaleErrors(object: ApiObject, { specReplicasPath, statusReplicasPath }: ScalePaths): FieldError[] {
  return [specReplicasPath, statusReplicasPath].flatMap((path) => {
    const value = valuesAt(object, path)[0];
    if (typeof value !== "number") return [];
    if (value < 0) return [fieldErrors.invalid(path, value, "should be a non-negative integer")];
    const why = `should be less than or equal to ${mostReplicas}`;
    return value > mostReplicas ? [fieldErrors.invalid(path, value, why)] : [];
  });
}

const standardFinalizers: ReadonlySet<string> = new Set(["kubernetes", "orphan", "foregroundDeletion"]);

function finalizerWarnings(object: ApiObject, old?: ApiObject): readonly string[] {
  const before = new Set(old?.metadata.finalizers);
  return (object.metadata.finalizers ?? [])
    .filter((name) => !before.has(name) && !name.includes("/") && !standardFinalizers.has(name))
    .toSorted()
    .map(
      (name) =>
        `metadata.finalizers: ${JSON.stringify(name)}: prefer a domain-qualified finalizer name to avoid accidental conflicts with other finalizer writers`,
    );
}

/** Unlike built-in kinds' objects, others must say what they are. */
function checkIdentity(input: unknown, { kind, group, version }: ResourceInfo): void {
  if (
    !isJsonObject(input) ||
    typeof (input["kind"] ?? "") !== "string" ||
    typeof (input["apiVersion"] ?? "") !== "string"
  )
    return;
  const given = { kind: textOf(input["kind"]), apiVersion: textOf(input["apiVersion"]) };
  const wanted = `${group}/${version}`;
  if (given.kind === "") {
    const text = JSON.stringify(input);
    const why = `Object 'Kind' is missing in '${text}' (${text.length > 30 ? `${text.slice(0, 30)} ...` : text})`;
    throw new StatusError(statuses.badRequest(`the object provided is unrecognized (must be of type ${kind}): ${why}`));
  }
  if (given.apiVersion !== wanted) {
    const why = `the API version in the data (${given.apiVersion}) does not match the expected API version (${wanted})`;
    throw new StatusError(statuses.badRequest(why));
  }
  if (given.kind === kind) return;
  const name = isJsonObject(input["metadata"]) ? textOf(input["metadata"]["name"]) : "";
  const error = fieldErrors.invalid("kind", given.kind, `must be ${kind}`);
  throw new StatusError(statuses.invalid({ group, kind: given.kind }, name, [error]));
}

/** Metadata is read like that of any object; the rest is kept as it came, less what the schema does not know. */
function read(input: JsonObject, schema: JsonSchema): Decoded {
  const { kind, apiVersion, metadata, ...content } = input;
  const { value: meta, complaints, hints } = readMetadata(metadata);
  // An empty list of managed fields says nothing of these kinds.
  if (Array.isArray(meta["managedFields"]) && meta["managedFields"].length === 0) delete meta["managedFields"];
  const value: JsonObject = { kind, apiVersion, metadata: meta, ...(cloneJson(content) as JsonObject) };
  const unknown = [...prune(value, schema), ...coerceEmbedded(value, schema)].map(
    (path) => `unknown field ${JSON.stringify(path)}`,
  );
  const inMetadata = complaints.map((complaint) => complaint.replace(/^(unknown field ")/, "$1metadata."));
  return { value, complaints: [...inMetadata, ...unknown].toSorted(), hints };
}

const ageColumn = { name: "Age", type: "date", jsonPath: ".metadata.creationTimestamp" };
const nameColumn = { name: "Name", type: "string", format: "name", description: "Name of the object.", priority: 0 };

function tableOf({ additionalPrinterColumns = [] }: CustomResourceDefinitionVersion): KindTable {
  const shown = additionalPrinterColumns.length > 0 ? additionalPrinterColumns : [ageColumn];
  return {
    columns: [
      nameColumn,
      ...shown.map((column) => ({
        name: column.name,
        type: column.type,
        format: "format" in column ? (column.format ?? "") : "",
        description:
          "description" in column && column.description
            ? column.description
            : `Custom resource definition column (in JSONPath format): ${column.jsonPath}`,
        priority: "priority" in column ? (column.priority ?? 0) : 0,
      })),
    ],
    cells: (object, nowMs) => [
      object.metadata.name,
      ...shown.map(({ type, jsonPath }) => cell(type, valuesAt(object, jsonPath)[0], nowMs)),
    ],
  };
}

function cell(type: string, value: unknown, nowMs: number): unknown {
  if (value === undefined || value === null) return null;
  switch (type) {
    case "integer":
      return typeof value === "bigint" ? value : typeof value === "number" ? Math.trunc(value) : null;
    case "number":
      return typeof value === "number" ? value : null;
    case "boolean":
      return typeof value === "boolean" ? value : null;
    case "date":
      return typeof value === "string" ? ageOf(value, nowMs) : null;
    default:
      return textOf(value);
  }
}

const rfc3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d([.,]\d+)?(Z|[+-]\d\d:\d\d)$/;

function ageOf(time: string, nowMs: number): string {
  if (time === "" || time === "null") return "<unknown>";
  return rfc3339.test(time) && !Number.isNaN(Date.parse(time)) ? age(time, nowMs) : "<invalid>";
}

function textOf(value: unknown): string {
  if (value === undefined || value === null) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
}
