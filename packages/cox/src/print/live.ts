// A block of lines on a terminal that is drawn again in the same place. It fits itself into what the terminal shows now, and never hides the
// cursor: whatever ends the process, Ctrl-C or worse, leaves a terminal as it was. What to show is the caller's.
import type { Host } from "../session.ts";

export interface Live {
  /** Replaces what was shown. The first `fixed` lines stay where there is too little room for all. */
  show(lines: readonly string[], fixed?: number): void;
  /** Takes the block away, for a last word in its place. */
  clear(): void;
}

/** Only for a terminal that can move its cursor; undefined for pipes, files and dumb ones. */
export function createLive(host: Pick<Host, "out" | "env">, out: Host["out"] = host.out): Live | undefined {
  if (!out.isTerminal || host.env["TERM"] === "dumb") return undefined;
  let shown: readonly string[] = [];
  const back = (): string => {
    // A terminal that has become narrower has wrapped what was whole.
    const height = shown.reduce((sum, line) => sum + Math.max(1, Math.ceil(widthOf(line) / out.columns)), 0);
    return `${height === 0 ? "" : `\u001b[${height}A`}\r\u001b[J`;
  };
  return {
    show(lines, fixed = 0) {
      const fitting = fit(lines, out.rows - 1, fixed).map((line) => cut(line, out.columns));
      out.write(`${back()}${fitting.map((line) => `${line}\n`).join("")}`);
      shown = fitting;
    },
    clear() {
      out.write(back());
      shown = [];
    },
  };
}

function fit(lines: readonly string[], most: number, fixed: number): readonly string[] {
  if (lines.length <= most || most <= fixed + 1) return lines.slice(0, Math.max(most, 1));
  const rest = lines.length - most + 1;
  return [...lines.slice(0, most - 1), `… and ${rest} more`];
}

// eslint-disable-next-line no-control-regex -- the sequences that paint
const paint = /\u001b\[[\d;]*m/g;
const widthOf = (line: string): number => [...line.replace(paint, "")].length;

/** Painted lines keep their paint: only those without it are too long in practice, and those with it lose it. */
function cut(line: string, columns: number): string {
  if (widthOf(line) <= columns) return line;
  return `${[...line.replace(paint, "")].slice(0, Math.max(0, columns - 1)).join("")}…`;
}
