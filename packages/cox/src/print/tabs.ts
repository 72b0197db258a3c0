// Columns from texts with tabs, by the rules of Go's text/tabwriter: a column is a run of neighbouring lines that have a cell there,
// the last cell of a line is not padded. Everything kubectl aligns goes through those rules.

export interface TabOptions {
  readonly minWidth: number;
  readonly padding: number;
}

/** Tables of `get`. */
export const tableTabs: TabOptions = { minWidth: 6, padding: 3 };
/** Pages of `describe`. */
export const pageTabs: TabOptions = { minWidth: 0, padding: 2 };

export function alignTabs(text: string, options: TabOptions): string {
  const lines = text.split("\n").map((line) => line.split("\t"));
  const written: string[] = [];
  arrange(lines, 0, lines.length, [], options, written);
  return written.join("\n");
}

function arrange(
  lines: readonly (readonly string[])[],
  from: number,
  to: number,
  widths: readonly number[],
  options: TabOptions,
  written: string[],
): void {
  const column = widths.length;
  const hasCell = (index: number): boolean => column < (lines[index]?.length ?? 0) - 1;
  for (let at = from; at < to; at += 1) {
    if (!hasCell(at)) {
      written.push(render(lines[at] ?? [], widths));
      continue;
    }
    let end = at;
    let width = options.minWidth;
    for (; end < to && hasCell(end); end += 1)
      width = Math.max(width, displayWidth(lines[end]?.[column] ?? "") + options.padding);
    arrange(lines, at, end, [...widths, width], options, written);
    at = end - 1;
  }
}

function render(cells: readonly string[], widths: readonly number[]): string {
  return cells
    .map((cell, column) => {
      const width = widths[column];
      return width === undefined ? cell : cell + " ".repeat(Math.max(0, width - displayWidth(cell)));
    })
    .join("");
}

/** Code points, as Go counts them. */
function displayWidth(text: string): number {
  // eslint-disable-next-line no-control-regex -- ASCII is what is asked for
  return /^[\x00-\x7f]*$/.test(text) ? text.length : [...text].length;
}
