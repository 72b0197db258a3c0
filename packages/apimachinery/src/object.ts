/** The general shapes that machinery moves about: any object, a list, a watch event, the description of a resource. No kind is named. */
import type { ListMeta, ObjectMeta } from "./meta.ts";

/** Any object of the API. Kinds are narrower; reading an unknown field takes a check. */
export interface ApiObject {
  apiVersion: string;
  kind: string;
  metadata: ObjectMeta;
}

/** A list of objects as the API returns it. */
export interface List<T> {
  apiVersion: string;
  kind: string;
  metadata: ListMeta;
  items: T[];
}

export type WatchEventType = "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK" | "ERROR";

/** One change of a watched collection. BOOKMARK carries only a resourceVersion; ERROR carries a Status. */
export interface WatchEvent<T> {
  type: WatchEventType;
  object: T;
}

/** Names one served resource. `T` is the kind behind it and exists for the compiler only. */
export interface ResourceDescriptor<T = ApiObject> {
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly kind: string;
  readonly namespaced: boolean;
  readonly singular?: string;
  readonly shortNames?: readonly string[];
  /** Never set; ties the descriptor to its kind. */
  readonly objectType?: T;
}

/** The same value, seen by someone who must not change it. What comes from a cache has this type. */
export type DeepReadonly<T> = T extends (...parameters: never) => unknown
  ? T
  : T extends readonly (infer Item)[]
    ? readonly DeepReadonly<Item>[]
    : T extends object
      ? { readonly [Key in keyof T]: DeepReadonly<T[Key]> }
      : T;

/** "v1" for the core group, "apps/v1" for the others. */
export function apiVersionOf(type: { readonly group: string; readonly version: string }): string {
  return type.group === "" ? type.version : `${type.group}/${type.version}`;
}

/** The inverse of apiVersionOf. A text with more than one slash has no meaning and gives undefined. */
export function parseApiVersion(apiVersion: string): { group: string; version: string } | undefined {
  const parts = apiVersion.split("/");
  if (parts.length === 1) return { group: "", version: apiVersion };
  const [group, version] = parts;
  return parts.length === 2 && group !== undefined && version !== undefined ? { group, version } : undefined;
}

/** "deployments.apps", or "pods" for the core group: how messages name a resource or kind. */
export function qualifiedName(name: string, group: string): string {
  return group === "" ? name : `${name}.${group}`;
}

/** "namespace/name", or "name" where there is no namespace: the key of an object in caches and queues. */
export function objectKey(object: DeepReadonly<Pick<ApiObject, "metadata">>): string {
  const { namespace, name } = object.metadata;
  return namespace === undefined || namespace === "" ? name : `${namespace}/${name}`;
}
