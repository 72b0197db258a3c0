// `-o custom-columns=NAME:.metadata.name,…` and `custom-columns-file`: one JSONPath a column, `<none>` where there is nothing.
import { CommandError } from "../failure.ts";
import { evaluateJsonPath, parseJsonPath, relaxedJsonPath, valueText } from "./jsonpath.ts";
import type { Node } from "./jsonpath.ts";
import { goText } from "./go-format.ts";

interface Column {
  readonly header: string;
  readonly path: readonly Node[];
}

export function parseColumns(spec: string): readonly Column[] {
  if (spec === "") throw new CommandError("custom-columns format specified but no custom columns given");
  return spec.split(",").map((part) => {
    const colon = part.indexOf(":");
    if (colon < 0 || part.indexOf(":") === part.length - 1)
      throw new CommandError(`unexpected custom-columns spec: ${part}, expected <header>:<json-path-expr>`);
    return { header: part.slice(0, colon), path: parseJsonPath(relaxedJsonPath(part.slice(colon + 1))) };
  });
}

/** A first line of headers, a second of paths, both in columns of blanks. */
export function parseColumnsFile(text: string): readonly Column[] {
  const [headers = "", paths = ""] = text.split("\n").map((line) => line.trim());
  const names = headers.split(/\s+/).filter((word) => word !== "");
  const specs = paths.split(/\s+/).filter((word) => word !== "");
  if (names.length !== specs.length)
    throw new CommandError(
      `number of headers (${names.length}) and field specifications (${specs.length}) don't match`,
    );
  return names.map((header, index) => ({ header, path: parseJsonPath(relaxedJsonPath(specs[index] ?? "")) }));
}

/** Lines of cells parted by tabs. */
export function columnLines(columns: readonly Column[], objects: readonly unknown[], headers: boolean): string {
  const rows = objects.map((object) =>
    columns.map(({ path }) => {
      const values = evaluateJsonPath(path, object, { allowMissing: true }).flat();
      if (values.length === 0) return "<none>";
      return values
        .map((value) => (value === null ? "<none>" : typeof value === "object" ? goText(value) : valueText(value)))
        .join(",");
    }),
  );
  return [...(headers ? [columns.map(({ header }) => header)] : []), ...rows]
    .map((cells) => `${cells.join("\t")}\n`)
    .join("");
}
