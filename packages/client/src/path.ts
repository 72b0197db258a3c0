// Where things live under the API: groups, namespaces, names, subresources; and query strings. Knows no kind.
import type { ListOptions, ObjectRef, Query } from "./client.ts";

export interface Location {
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly namespaced: boolean;
}

/** "/api/v1/namespaces/default/pods", "/apis/apps/v1/deployments". Without a namespace: all namespaces. */
export function collectionPath(location: Location, namespace: string | undefined): string {
  const root = location.group === "" ? `/api/${location.version}` : `/apis/${location.group}/${location.version}`;
  const within =
    location.namespaced && namespace !== undefined && namespace !== "" ? `/namespaces/${segment(namespace)}` : "";
  return `${root}${within}/${location.resource}`;
}

/** The path of one object, or of one of its subresources. */
export function objectPath(location: Location, ref: ObjectRef, subresource?: string): string {
  if (ref.name === "") throw new TypeError(`expected the name of one of ${location.resource}, found ""`);
  const tail = subresource === undefined ? "" : `/${subresource}`;
  return `${collectionPath(location, ref.namespace)}/${segment(ref.name)}${tail}`;
}

/** The list options that stand in the query. */
export function listQuery(options: ListOptions): Query {
  return {
    labelSelector: options.labelSelector,
    fieldSelector: options.fieldSelector,
    resourceVersion: options.resourceVersion,
    resourceVersionMatch: options.resourceVersionMatch,
    limit: options.limit,
    continue: options.continue,
  };
}

/** "?a=1&b=2", or nothing. Undefined and empty values are left out; a list repeats its name. */
export function queryText(query: Query | undefined): string {
  const parts: string[] = [];
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value === undefined || value === "") continue;
    for (const one of typeof value === "object" ? value : [value])
      parts.push(`${name}=${encodeURIComponent(String(one))}`);
  }
  return parts.length === 0 ? "" : `?${parts.join("&")}`;
}

const segment = (text: string): string => encodeURIComponent(text).replaceAll("%3A", ":").replaceAll("%40", "@");
