/** The refusal of an apply that would take fields from others: a Status that names them all. */
import type { StatusCause } from "../field-error.ts";
import type { ManagedFieldsEntry } from "../meta.ts";
import { StatusError, statuses } from "../status.ts";
import { type FieldSet, pathTexts } from "./field-set.ts";

export interface Conflict {
  readonly entry: ManagedFieldsEntry;
  readonly set: FieldSet;
}

export function conflictError(conflicts: readonly Conflict[]): StatusError {
  const all = conflicts.flatMap(({ entry, set }) =>
    pathTexts(set).map((path) => ({ manager: managerText(entry), path })),
  );
  all.sort((left, right) => (left.manager < right.manager ? -1 : left.manager > right.manager ? 1 : 0));
  const causes: StatusCause[] = all.map(({ manager, path }) => ({
    reason: "FieldManagerConflict",
    message: `conflict with ${manager}`,
    field: path,
  }));
  return new StatusError(statuses.applyConflict(causes, message(all)));
}

function message(all: readonly { manager: string; path: string }[]): string {
  const [only] = all;
  if (all.length === 1 && only !== undefined)
    return `Apply failed with 1 conflict: conflict with ${only.manager}: ${only.path}`;
  const lines = [...new Set(all.map(({ manager }) => manager))].flatMap((manager) => [
    `conflicts with ${manager}:`,
    ...all.filter((conflict) => conflict.manager === manager).map(({ path }) => `- ${path}`),
  ]);
  return `Apply failed with ${all.length} conflicts: ${lines.join("\n")}`;
}

function managerText(entry: ManagedFieldsEntry): string {
  const name = JSON.stringify(entry.manager ?? "");
  const through =
    entry.subresource === undefined || entry.subresource === ""
      ? name
      : `${name} with subresource ${JSON.stringify(entry.subresource)}`;
  if (entry.operation !== "Update") return through;
  return entry.time === undefined
    ? `${through} using ${entry.apiVersion ?? ""}`
    : `${through} using ${entry.apiVersion ?? ""} at ${entry.time}`;
}
