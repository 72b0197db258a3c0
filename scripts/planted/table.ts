// The table of planted bugs in the simulation's README, between two marks. Rows of bugs that were not looked for stay as they are.
import type { PlantedBug } from "./patches.ts";

export interface Found {
  readonly bug: PlantedBug;
  /** Undefined: nothing found it. */
  readonly by: string | undefined;
  readonly ms: number;
}

const begin = "<!-- planted bugs -->";
const end = "<!-- end of planted bugs -->";
const head = "| planted bug | what it does | from | found by | in |\n|---|---|---|---|---|";

export function tableWith(readme: string, found: readonly Found[]): string {
  const [before = "", rest = ""] = readme.split(begin);
  const [table = "", after = ""] = rest.split(end);
  const rows = new Map(
    table
      .split("\n")
      .filter((line) => line.startsWith("| `"))
      .map((line): [string, string] => [/^\| `([^`]+)`/.exec(line)?.[1] ?? "", line]),
  );
  for (const { bug, by, ms } of found)
    rows.set(
      bug.name,
      `| \`${bug.name}\` | ${bug.bug} | ${bug.from} | ${by ?? "nothing"} | ${(ms / 1000).toFixed(0)} s |`,
    );
  const lines = [...rows].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, line]) => line);
  return `${before}${begin}\n\n${head}\n${lines.join("\n")}\n\n${end}${after}`;
}
