// The annotation in which `apply` remembers what it was given, so that the next one knows what was taken away.
import { compactJson, sortKeys } from "../print/json.ts";
import type { Obj } from "./api.ts";

export const lastAppliedAnnotation = "kubectl.kubernetes.io/last-applied-configuration";

/** The object with the annotation that describes it. */
export function withLastApplied(object: Obj): Obj {
  const { [lastAppliedAnnotation]: _old, ...annotations } = object.metadata.annotations ?? {};
  const bare = { ...object, metadata: { ...object.metadata, annotations } };
  const text = `${compactJson(sortKeys(bare))}\n`;
  return {
    ...object,
    metadata: { ...object.metadata, annotations: { ...annotations, [lastAppliedAnnotation]: text } },
  };
}

/** What was given the last time; undefined when nobody applied it. */
export function lastAppliedOf(object: Obj): Obj | undefined {
  const text = object.metadata.annotations?.[lastAppliedAnnotation];
  return text === undefined ? undefined : (JSON.parse(text) as Obj);
}
