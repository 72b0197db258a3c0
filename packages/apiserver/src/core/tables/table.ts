// Table and PartialObjectMetadata(List) of any kind. What the columns are and say is `@coxswain/api`'s.
import { tablePrinter } from "@coxswain/api";
import type { KindRules, KindTable } from "../registry/rules.ts";
import { StatusError, statuses } from "@coxswain/apimachinery";
import type { ApiObject, GroupVersionKind, ListMeta } from "@coxswain/apimachinery";

interface Table {
  readonly kind: "Table";
  readonly apiVersion: string;
  readonly rows: readonly object[];
}

export type IncludeObject = "None" | "Metadata" | "Object";

/** `withColumns` is false for all but the first event of a watch; `meta` is the version of the table. */
export function tableOf(
  kind: GroupVersionKind & { readonly rules?: Pick<KindRules, "table"> },
  objects: readonly ApiObject[],
  metadata: ListMeta,
  include: IncludeObject,
  nowMs: number,
  withColumns = true,
  meta = "v1",
): Table {
  const printer: KindTable = kind.rules?.table ?? tablePrinter(kind);
  const rows = objects.map((object) => ({
    cells: printer.cells(object, nowMs),
    ...conditionsOf(printer.conditions?.(object)),
    object: include === "None" ? null : include === "Object" ? object : partialOf(object, meta),
  }));
  const columnDefinitions = withColumns ? printer.columns : null;
  const table = { kind: "Table" as const, apiVersion: `meta.k8s.io/${meta}`, metadata, columnDefinitions, rows };
  return table;
}

function conditionsOf<T>(conditions: readonly T[] = []): { readonly conditions?: readonly T[] } {
  return conditions.length === 0 ? {} : { conditions };
}

export function partialOf(object: ApiObject, meta = "v1"): ApiObject {
  return { kind: "PartialObjectMetadata", apiVersion: `meta.k8s.io/${meta}`, metadata: object.metadata };
}

export function partialListOf(objects: readonly ApiObject[], metadata: ListMeta, meta = "v1"): object {
  return {
    kind: "PartialObjectMetadataList",
    apiVersion: `meta.k8s.io/${meta}`,
    metadata,
    items: objects.map((object) => partialOf(object, meta)),
  };
}

/** Throws 400. */
export function includeObjectOf(query: URLSearchParams): IncludeObject {
  const text = query.get("includeObject") || "Metadata";
  if (text === "None" || text === "Object" || text === "Metadata") return text;
  const complaint = `includeObject: Invalid value: ${JSON.stringify(text)}: must be 'Metadata', 'Object', 'None', or empty`;
  throw new StatusError(statuses.badRequest(`Unable to convert to Table as requested: ${complaint}`));
}
