/**
 * Reads the facts of a Kubernetes version (types and resources as data) and turns Go's view into one plain model: wire names, resolved
 * types, what may be absent, how lists merge. It writes nothing.
 */
import { readFileSync } from "node:fs";
import { aggregationTypes } from "./aggregation.ts";

export interface GoField {
  go: string;
  type: string;
  json: string;
  omit?: boolean;
  inline?: boolean;
  num?: number;
  patchStrategy?: string;
  patchMergeKey?: string;
  mk?: Record<string, unknown>;
}

export interface GoType {
  kind: "struct" | "alias";
  pkg: string;
  to?: string;
  markers?: string[];
  fields?: GoField[];
  imports?: Record<string, string>;
}

export interface ResourceFact {
  group: string;
  version: string;
  kind: string;
  resource: string;
  namespaced: boolean;
  shortNames?: string[];
  categories?: string[];
  verbs: string[];
  subresources?: string[];
}

/** A group and version that we serve: the package of its types, and the folder of ours. */
export interface Door {
  pkg: string;
  folder: string;
  group: string;
  version: string;
}

export interface Facts {
  groups: Record<string, string>;
  enums: Record<string, string[]>;
  types: Record<string, GoType>;
}

const api = "k8s.io/api/";
export const metaPackage = "k8s.io/apimachinery/pkg/apis/meta/v1";

const groups: readonly (readonly [folder: string, group: string])[] = [
  ["core/v1", ""],
  ["apps/v1", "apps"],
  ["batch/v1", "batch"],
  ["autoscaling/v1", "autoscaling"],
  ["autoscaling/v2", "autoscaling"],
  ["policy/v1", "policy"],
  ["networking/v1", "networking.k8s.io"],
  ["discovery/v1", "discovery.k8s.io"],
  ["coordination/v1", "coordination.k8s.io"],
  ["events/v1", "events.k8s.io"],
  ["rbac/v1", "rbac.authorization.k8s.io"],
  ["storage/v1", "storage.k8s.io"],
  ["scheduling/v1", "scheduling.k8s.io"],
  ["node/v1", "node.k8s.io"],
  ["certificates/v1", "certificates.k8s.io"],
  ["admissionregistration/v1", "admissionregistration.k8s.io"],
  ["authentication/v1", "authentication.k8s.io"],
  ["authorization/v1", "authorization.k8s.io"],
  ["flowcontrol/v1", "flowcontrol.apiserver.k8s.io"],
  ["resource/v1", "resource.k8s.io"],
];

/** Every group version that becomes a folder, in the order in which discovery shows them. */
export const doors: readonly Door[] = [
  ...groups.map(([folder, group]) => ({ pkg: api + folder, folder, group, version: folder.split("/")[1] ?? "" })),
  {
    pkg: "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1",
    folder: "apiextensions/v1",
    group: "apiextensions.k8s.io",
    version: "v1",
  },
  {
    pkg: "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1",
    folder: "apiregistration/v1",
    group: "apiregistration.k8s.io",
    version: "v1",
  },
];

/** meta/v1 has a schema of its own and no resources; its TypeScript types are written by hand in apimachinery. */
export const metaDoor: Door = { pkg: metaPackage, folder: "meta/v1", group: "meta.k8s.io", version: "v1" };

export function readFacts(path: string): Facts {
  const facts = JSON.parse(readFileSync(path, "utf8")) as Facts;
  return { ...facts, types: { ...facts.types, ...aggregationTypes } };
}

export function readResources(path: string): ResourceFact[] {
  return JSON.parse(readFileSync(path, "utf8")) as ResourceFact[];
}

/** A type as it travels: what JSON holds, apart from pointers and Go's names. */
export type WireType =
  | { is: "scalar"; scalar: Scalar }
  | { is: "enum"; name: string }
  | { is: "struct"; name: string }
  | { is: "named"; name: string; of: WireType }
  | { is: "list"; items: WireType }
  | { is: "map"; values: WireType }
  | { is: "either"; struct: string; or: "bool" | "list" | "strings" };

export type Scalar =
  | "string"
  | "bool"
  | "int32"
  | "int64"
  | "double"
  | "bytes"
  | "time"
  | "microtime"
  | "duration"
  | "quantity"
  | "intOrString"
  | "any";

const scalars: Record<string, Scalar> = {
  string: "string",
  bool: "bool",
  int: "int64",
  int8: "int32",
  int32: "int32",
  uint32: "int64",
  int64: "int64",
  float64: "double",
  byte: "int32",
  "k8s.io/apimachinery/pkg/types.UID": "string",
  "k8s.io/apimachinery/pkg/api/resource.Quantity": "quantity",
  "k8s.io/apimachinery/pkg/util/intstr.IntOrString": "intOrString",
  "k8s.io/apimachinery/pkg/runtime.RawExtension": "any",
  [`${metaPackage}.Time`]: "time",
  [`${metaPackage}.MicroTime`]: "microtime",
  [`${metaPackage}.Duration`]: "duration",
  [`${metaPackage}.FieldsV1`]: "any",
  "time.Duration": "int64",
  "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1.JSON": "any",
};

/** The part of meta/v1 that travels inside objects or as a body of its own; the rest is Go's. */
const metaTypes = new Set(
  (
    "APIGroup APIResource Condition DeleteOptions FieldSelectorRequirement GroupVersionForDiscovery GroupVersionKind GroupVersionResource LabelSelector LabelSelectorRequirement " +
    "ListMeta ManagedFieldsEntry ObjectMeta OwnerReference Preconditions ServerAddressByClientCIDR ShardInfo Status StatusCause StatusDetails APIGroupList APIResourceList APIVersions GroupKind Verbs"
  ).split(" "),
);

const eithers: Record<string, "bool" | "list" | "strings"> = {
  JSONSchemaPropsOrBool: "bool",
  JSONSchemaPropsOrArray: "list",
  JSONSchemaPropsOrStringArray: "strings",
};

/** Resolves a Go type, as written in the package of `from`, to what travels. */
export function wireType(facts: Facts, from: GoType, text: string): WireType {
  if (text.startsWith("*")) return wireType(facts, from, text.slice(1));
  if (text === "[]byte") return { is: "scalar", scalar: "bytes" };
  if (text.startsWith("[]")) return { is: "list", items: wireType(facts, from, text.slice(2)) };
  if (text.startsWith("map[")) return { is: "map", values: wireType(facts, from, text.slice(text.indexOf("]") + 1)) };

  const plain = scalars[text];
  if (plain !== undefined) return { is: "scalar", scalar: plain };
  const name = qualified(from, text);
  const known = scalars[name];
  if (known !== undefined) return { is: "scalar", scalar: known };
  if (facts.enums[name] !== undefined) return { is: "enum", name };
  const either = eithers[shortName(name)];
  if (either !== undefined) return { is: "either", struct: name.replace(/\.[^.]*$/, ".JSONSchemaProps"), or: either };

  const type = facts.types[name];
  if (type === undefined) throw new Error(`the facts have no type ${name}, used in ${from.pkg} as ${text}`);
  if (type.kind === "struct") return { is: "struct", name };
  const of = wireType(facts, type, type.to ?? "string");
  return of.is === "list" || of.is === "map" ? { is: "named", name, of } : of;
}

export function shortName(name: string): string {
  return name.slice(name.lastIndexOf(".") + 1);
}

function qualified(from: GoType, text: string): string {
  const [prefix, name] = text.split(".");
  if (name === undefined || prefix === undefined) return `${from.pkg}.${text}`;
  const imported = from.imports?.[prefix] ?? (prefix === "time" ? "time" : undefined);
  if (imported === undefined) throw new Error(`${from.pkg} imports nothing as ${prefix}`);
  return `${imported}.${name}`;
}

/** The same rule as Kubernetes' OpenAPI: a marker decides, otherwise omitempty does. */
export function isOptional(field: GoField): boolean {
  const markers = field.mk ?? {};
  if (markers["required"] === true || markers["k8s:required"] === true) return false;
  if (markers["optional"] === true || markers["k8s:optional"] === true) return true;
  return field.omit === true;
}

export function isTypeMeta(field: GoField): boolean {
  return field.inline === true && shortName(field.type) === "TypeMeta";
}

/** Structs and named shapes of one package in alphabetical order. Query options and Go's internals stay out. */
export function typesOf(facts: Facts, pkg: string): [name: string, type: GoType][] {
  return Object.entries(facts.types)
    .filter(([name, type]) => type.pkg === pkg && /^[A-Z]/.test(shortName(name)) && scalars[name] === undefined)
    .filter(
      ([name, type]) =>
        eithers[shortName(name)] === undefined &&
        type.to !== "interface" &&
        !/Event$|ObjectMetadata/.test(type.to ?? ""),
    )
    .filter(([name]) => pkg !== metaPackage || metaTypes.has(shortName(name)))
    .sort(([left], [right]) => (left < right ? -1 : 1));
}
