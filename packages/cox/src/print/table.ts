// Aligned columns as kubectl prints them: capitals on top, three blanks between, nothing behind the last.

export interface Table {
  readonly columnDefinitions: readonly { readonly name: string; readonly priority?: number }[];
  readonly rows: readonly {
    readonly cells: readonly unknown[];
    readonly object?: { readonly metadata?: { readonly namespace?: string } };
  }[];
}

export interface TableOptions {
  readonly wide: boolean;
  /** Shows each row's namespace in front. */
  readonly namespaces: boolean;
}

export function printTable(table: Table, options: TableOptions): string {
  const shown = table.columnDefinitions
    .map((column, index) => ({ ...column, index }))
    .filter((column) => options.wide || !column.priority);
  const header = shown.map((column) => column.name.toUpperCase());
  const rows = table.rows.map((row) => shown.map(({ index }) => cellText(row.cells[index])));
  if (!options.namespaces) return alignColumns([header, ...rows]);
  const named = table.rows.map((row, index) => [row.object?.metadata?.namespace ?? "", ...(rows[index] ?? [])]);
  return alignColumns([["NAMESPACE", ...header], ...named]);
}

export function alignColumns(lines: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const line of lines)
    line.forEach((cell, column) => (widths[column] = Math.max(widths[column] ?? 0, cell.length)));
  return lines
    .map(
      (line) =>
        `${line
          .map((cell, column) => cell.padEnd((widths[column] ?? 0) + 3))
          .join("")
          .trimEnd()}\n`,
    )
    .join("");
}

function cellText(cell: unknown): string {
  if (cell === null || cell === undefined) return "<none>";
  return typeof cell === "string"
    ? cell
    : typeof cell === "number" || typeof cell === "boolean"
      ? String(cell)
      : JSON.stringify(cell);
}
