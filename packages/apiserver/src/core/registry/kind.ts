// The resources the server has, each with where it is stored and how it behaves. The built-in ones come from the scheme, once; custom
// ones come and go with their definitions (`core/custom`). Looking one up costs a map access.
import { findSchema, resources, selectableFields } from "@coxswain/api";
import type { ResourceInfo } from "@coxswain/api";
import { apiVersionOf, zeroValue } from "@coxswain/apimachinery";
import type { StructSchema } from "@coxswain/apimachinery";
import type { GroupResource, GroupVersionKind } from "../request.ts";
import type { Conversion } from "./conversions.ts";
import { conversionOf } from "./conversions.ts";
import { resourcePrefix } from "./keys.ts";
import type { Strategy } from "./strategy.ts";
import type { SelectableFields } from "../watch-cache/entry.ts";
import { strategyOf } from "./strategies.ts";
import { builtInRules } from "./rules.ts";
import type { Upkeep } from "./upkeep.ts";
import type { KindRules } from "./rules.ts";
import type { CustomKinds } from "../custom/custom-kinds.ts";

export interface Kind {
  readonly info: ResourceInfo;
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly kind: string;
  /** "v1", "apps/v1". */
  readonly apiVersion: string;
  readonly namespaced: boolean;
  /** Where its objects lie in the store; "" for kinds that are never stored. */
  readonly prefix: string;
  readonly strategy: Strategy;
  readonly hasStatus: boolean;
  /** A new object's status before anything is known: what Go's zero value is. Undefined for kinds without. */
  blankStatus(): unknown;
  /** Set when objects are stored in another version than this one. */
  readonly conversion: Conversion | undefined;
  /** Set when objects may be stored in a form that is not served any more. */
  readonly upkeep: Upkeep | undefined;
  readonly schema: StructSchema;
  /** Values of the field selectors, of an object as it is stored. */
  readonly fields: SelectableFields;
  readonly rules: KindRules;
}

export interface Kinds {
  find(group: string, version: string, resource: string): Kind | undefined;
  /** The resource whose objects are of this kind. */
  ofType(type: GroupVersionKind): Kind | undefined;
  /** The version a resource is stored in. */
  stored(of: GroupResource): Kind | undefined;
  /** The other versions, and the other names, under which the same objects are served. */
  equivalents(kind: Kind): readonly Kind[];
  /** The built-in ones. */
  readonly all: readonly Kind[];
}

export function createKinds(custom: Pick<CustomKinds, "all" | "find">): Kinds {
  const all = resources.map(createKind);
  const byResource = new Map(all.map((kind) => [`${kind.group}/${kind.version}/${kind.resource}`, kind]));
  const byPrefix = Map.groupBy(
    all.filter(({ prefix }) => prefix !== ""),
    ({ prefix }) => prefix,
  );
  const stored = new Map(
    all.filter((kind) => kind.conversion === undefined).map((kind) => [`${kind.group}/${kind.resource}`, kind]),
  );
  return {
    all,
    find: (group, version, resource) =>
      byResource.get(`${group}/${version}/${resource}`) ?? custom.find(group, version, resource),
    ofType: ({ group, version, kind }) =>
      [...all, ...custom.all].find(
        (other) => other.kind === kind && other.group === group && other.version === version && other.prefix !== "",
      ),
    equivalents: (kind) =>
      [...(byPrefix.get(kind.prefix) ?? []), ...custom.all].filter(
        (other) => other !== kind && other.prefix === kind.prefix,
      ),
    stored({ group, resource }) {
      const kind =
        stored.get(`${group}/${resource}`) ??
        [...all, ...custom.all].find((candidate) => candidate.group === group && candidate.resource === resource);
      const target = kind?.conversion?.stored;
      if (!target) return kind;
      const { group: inGroup, version, resource: as } = target;
      return byResource.get(`${inGroup}/${version}/${as}`) ?? custom.find(inGroup, version, as) ?? kind;
    },
  };
}

function createKind(info: ResourceInfo): Kind {
  const { group, version, resource, kind } = info;
  const conversion = conversionOf(group, version, resource);
  const isStored = info.verbs.includes("list") && resource !== "componentstatuses";
  return {
    info,
    group,
    version,
    resource,
    kind,
    apiVersion: apiVersionOf(info),
    namespaced: info.namespaced,
    prefix: isStored ? resourcePrefix(conversion?.stored ?? info) : "",
    strategy: strategyOf(group, resource),
    fields: (object) => selectableFields(info, object),
    hasStatus: info.subresources.includes("status"),
    blankStatus() {
      const status = info.subresources.includes("status") ? schemaOf(info).fields.get("status") : undefined;
      return status && zeroValue(status.schema);
    },
    conversion,
    upkeep: undefined,
    get schema() {
      return schemaOf(info);
    },
    rules: builtInRules(info, () => schemaOf(info)),
  };
}

/** The schema of a kind; it throws for one without, which would be a hole in the generated scheme. */
export function schemaOf(type: GroupVersionKind): StructSchema {
  const schema = findSchema(type);
  if (!schema) throw new Error(`no schema for ${type.group}/${type.version} ${type.kind}`);
  return schema;
}
