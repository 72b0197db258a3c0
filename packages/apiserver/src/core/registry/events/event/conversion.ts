// events.k8s.io/v1 and core/v1 events are the same things under other names.
import type { ApiObject } from "@coxswain/apimachinery";
import type { Loose } from "../../strategy.ts";

const names: readonly (readonly [served: string, stored: string])[] = [
  ["regarding", "involvedObject"],
  ["note", "message"],
  ["deprecatedSource", "source"],
  ["deprecatedFirstTimestamp", "firstTimestamp"],
  ["deprecatedLastTimestamp", "lastTimestamp"],
  ["deprecatedCount", "count"],
  ["reportingController", "reportingComponent"],
];

export function eventToStored(object: ApiObject): ApiObject {
  return rename(object, "v1", new Map(names), ["involvedObject"]);
}

export function eventFromStored(object: ApiObject): ApiObject {
  return rename(object, "events.k8s.io/v1", new Map(names.map(([served, stored]) => [stored, served])), []);
}

function rename(
  object: ApiObject,
  apiVersion: string,
  to: ReadonlyMap<string, string>,
  present: readonly string[],
): ApiObject {
  const result: Loose = { kind: object.kind, apiVersion, metadata: object.metadata };
  for (const name of present) result[name] = {};
  for (const [name, value] of Object.entries(object)) {
    if (name !== "kind" && name !== "apiVersion" && name !== "metadata") result[to.get(name) ?? name] = value;
  }
  return result;
}
