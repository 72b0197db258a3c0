/**
 * Objects that `kubectl apply` has kept so far carry what it applied last in an annotation. When the same kubectl goes over to server-side
 * apply, what it stated there and what is still so is its own: no conflict; and the annotation follows for as long as it is there.
 */
import { isJsonObject, type JsonObject } from "../json-value.ts";
import { compareValues, fieldSetOf } from "./compare.ts";
import { difference, emptySet, type FieldSet } from "./field-set.ts";
import { withoutManagedFields } from "./merge.ts";
import type { Structure } from "./structure.ts";

export const lastAppliedAnnotation = "kubectl.kubernetes.io/last-applied-configuration";
/** The manager that kubectl gives itself in server-side apply; others are never taken for it. */
export const kubectlManager = "kubectl";
/** An annotation beyond this would be refused. */
const longestAnnotation = 256 * 1024;

/** The fields that the annotation states and that are still as it states them. */
export function lastAppliedFields(structure: Structure, live: JsonObject, apiVersion: string): FieldSet {
  const text = annotationsOf(live)[lastAppliedAnnotation];
  if (typeof text !== "string" || text === "") return emptySet;
  const stated = parse(text);
  if (stated === undefined || stated["apiVersion"] !== apiVersion) return emptySet;
  const { added, modified, removed } = compareValues(structure, stated, withoutManagedFields(live));
  return difference(difference(difference(fieldSetOf(structure, stated), modified), added), removed);
}

/** Lets the annotation of an object, in place, say what has been applied now; an object without it gets none. */
export function followLastApplied(object: JsonObject, config: JsonObject): void {
  const annotations = annotationsOf(object);
  if (typeof annotations[lastAppliedAnnotation] !== "string") return;
  const text = `${JSON.stringify(withoutAnnotation(config))}\n`;
  annotations[lastAppliedAnnotation] = text.length > longestAnnotation ? "" : text;
}

function withoutAnnotation(config: JsonObject): JsonObject {
  const { metadata } = config;
  if (!isJsonObject(metadata) || !isJsonObject(metadata["annotations"])) return config;
  const { [lastAppliedAnnotation]: _own, ...annotations } = metadata["annotations"];
  return { ...config, metadata: { ...metadata, annotations } };
}

function annotationsOf(object: JsonObject): JsonObject {
  const metadata = object["metadata"];
  const annotations = isJsonObject(metadata) ? metadata["annotations"] : undefined;
  return isJsonObject(annotations) ? annotations : {};
}

function parse(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isJsonObject(value) ? value : undefined;
  } catch {
    // What is no JSON was not written by kubectl and says nothing.
    return undefined;
  }
}
