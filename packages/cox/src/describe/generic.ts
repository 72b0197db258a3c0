// A page for kinds nobody has written one for: every field, by its name in words.
import type { Obj } from "../resource/api.ts";
import { head, str } from "./page.ts";
import type { Page } from "./page.ts";

export function generic(page: Page, object: Obj): void {
  head(page, object);
  fields(
    page,
    0,
    object,
    ["metadata.managedFields", "metadata.name", "metadata.namespace", "metadata.labels", "metadata.annotations"],
    "",
  );
}

function fields(page: Page, level: number, value: object, hidden: readonly string[], path: string): void {
  for (const key of Object.keys(value).sort()) {
    const here = path === "" ? key : `${path}.${key}`;
    if (hidden.includes(here)) continue;
    const inner = (value as Record<string, unknown>)[key];
    const title = smartLabel(key);
    if (Array.isArray(inner)) {
      page.line(level, `${title}:`);
      for (const item of inner as unknown[]) {
        if (typeof item === "object" && item !== null) fields(page, level + 1, item, hidden, here);
        else page.line(level + 1, str(item));
      }
    } else if (typeof inner === "object" && inner !== null) {
      page.line(level, `${title}:`);
      fields(page, level + 1, inner, hidden, here);
    } else page.line(level, `${title}:\t${inner === null ? "<nil>" : str(inner)}`);
  }
}

const capitals = new Set(["API", "URL", "UID", "OSB", "GUID"]);

/** "apiVersion" as "API Version". */
function smartLabel(field: string): string {
  return field
    .split(/(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])/)
    .map((part) =>
      capitals.has(part.toUpperCase()) ? part.toUpperCase() : `${part[0]?.toUpperCase() ?? ""}${part.slice(1)}`,
    )
    .join(" ");
}
