// Table and PartialObjectMetadata(List) of any kind. What the columns are and say is `@coxswain/api`'s.
import { tablePrinter } from "@coxswain/api";
import type { KindRules, KindTable } from "../registry/rules.ts";
import type { ApiObject, GroupVersionKind, ListMeta } from "@coxswain/apimachinery";

export type IncludeObject = "None" | "Metadata" | "Object";

/** `withColumns` is false for all but the first event of a watch. */
export function tableOf(
  kind: GroupVersionKind & { readonly rules?: Pick<KindRules, "table"> },
  objects: readonly ApiObject[],
  metadata: ListMeta,
  include: IncludeObject,
  nowMs: number,
  withColumns = true,
): object {
  const printer: KindTable = kind.rules?.table ?? tablePrinter(kind);
  const rows = objects.map((object) => ({
    cells: printer.cells(object, nowMs),
    ...conditionsOf(printer.conditions?.(object)),
    ...(include !== "None" && { object: include === "Object" ? object : partialOf(object) }),
  }));
  return {
    kind: "Table",
    apiVersion: "meta.k8s.io/v1",
    metadata,
    columnDefinitions: withColumns ? printer.columns : null,
    rows,
  };
}

function conditionsOf<T>(conditions: readonly T[] = []): { readonly conditions?: readonly T[] } {
  return conditions.length === 0 ? {} : { conditions };
}

export function partialOf(object: ApiObject): ApiObject {
  return { kind: "PartialObjectMetadata", apiVersion: "meta.k8s.io/v1", metadata: object.metadata };
}

export function partialListOf(objects: readonly ApiObject[], metadata: ListMeta): object {
  return { kind: "PartialObjectMetadataList", apiVersion: "meta.k8s.io/v1", metadata, items: objects.map(partialOf) };
}

export function includeObjectOf(query: URLSearchParams): IncludeObject {
  const text = query.get("includeObject");
  return text === "None" || text === "Object" ? text : "Metadata";
}
