// The server's own tables on a screen: capitals on top, columns chosen, namespaces, labels and kinds added. Asks nobody.
import { alignTabs, tableTabs } from "./tabs.ts";

export interface TableObject {
  readonly metadata?: {
    readonly name?: string;
    readonly namespace?: string;
    readonly creationTimestamp?: string;
    readonly labels?: Readonly<Record<string, string>>;
  };
}

export interface Table {
  readonly columnDefinitions: readonly {
    readonly name: string;
    readonly type?: string;
    readonly format?: string;
    readonly priority?: number;
  }[];
  readonly rows: readonly { readonly cells: readonly unknown[]; readonly object?: TableObject }[];
}

export interface TableOptions {
  readonly wide: boolean;
  readonly headers: boolean;
  /** Shows each row's namespace in front. */
  readonly namespaces: boolean;
  /** Puts "deployment.apps/" before names. */
  readonly kind?: string | undefined;
  readonly showLabels?: boolean;
  readonly labelColumns?: readonly string[];
  /** A column in front of all, such as the kind of a change. */
  readonly front?: { readonly header: string; readonly cells: readonly string[] };
}

/** Lines of cells parted by tabs, so that several tables can be aligned together. */
export function tableLines(table: Table, options: TableOptions): string {
  if (table.rows.length === 0) return "";
  const nameColumn = table.columnDefinitions.findIndex(
    (column) => column.format === "name" && column.type === "string",
  );
  const shown = table.columnDefinitions
    .map((column, index) => ({ ...column, index }))
    .filter((column) => options.wide || !column.priority);
  const labelColumns = options.labelColumns ?? [];
  const header = [
    ...(options.front ? [options.front.header] : []),
    ...(options.namespaces ? ["NAMESPACE"] : []),
    ...shown.map((column) => column.name.toUpperCase()),
    ...labelColumns.map((label) => (label.split("/").at(-1) ?? label).toUpperCase()),
    ...(options.showLabels ? ["LABELS"] : []),
  ];
  const rows = table.rows.map((row, index) => {
    const labels = row.object?.metadata?.labels ?? {};
    return [
      ...(options.front ? [options.front.cells[index] ?? ""] : []),
      ...(options.namespaces ? [row.object?.metadata?.namespace ?? ""] : []),
      ...shown.map((column) => {
        const text = cellText(row.cells[column.index]);
        return column.index === nameColumn && options.kind !== undefined ? `${options.kind}/${text}` : text;
      }),
      ...labelColumns.map((label) => labels[label] ?? ""),
      ...(options.showLabels ? [labelText(labels)] : []),
    ];
  });
  return [...(options.headers ? [header] : []), ...rows].map((cells) => `${cells.join("\t")}\n`).join("");
}

export function printTable(table: Table, options: TableOptions): string {
  return alignTabs(tableLines(table, options), tableTabs);
}

/** "a=1,b=2", or "<none>". */
export function labelText(labels: Readonly<Record<string, string>>): string {
  const entries = Object.entries(labels).sort(([left], [right]) => (left < right ? -1 : 1));
  return entries.length === 0 ? "<none>" : entries.map(([key, value]) => `${key}=${value}`).join(",");
}

/** Only the first line of a text, and no signs that steer a terminal. */
function cellText(cell: unknown): string {
  if (cell === null || cell === undefined) return "";
  const text =
    typeof cell === "string" ? cell : typeof cell === "object" ? JSON.stringify(cell) : String(cell as number);
  const end = text.search(/[\f\n\r]/);
  return escapeControls(end < 0 ? text : `${text.slice(0, end)}...`);
}

/** Texts of the cluster do not steer the reader's terminal. */
export function escapeControls(text: string): string {
  return text.replaceAll("\x1b", "^[").replaceAll("\r", "\\r");
}
