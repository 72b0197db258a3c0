// What the kernel holds of a table, read from `nft -s list table` text. Rules stay text: they are only compared. The tool
// breaks long lines inside braces as it likes; here every statement is one line again.
import type { NftChainState, NftSetState, NftState } from "./render.ts";

/** `terse` text names no elements: then sets come back without them. */
export function parseNftList(text: string, terse = false): NftState {
  const sets = new Map<string, NftSetState>();
  const chains = new Map<string, NftChainState>();
  let block: { kind: string; name: string; lines: string[] } | undefined;
  for (const line of wholeLines(text)) {
    const opened = /^(set|map|chain) (\S+) \{$/.exec(line);
    if (opened) block = { kind: opened[1] ?? "", name: opened[2] ?? "", lines: [] };
    else if (line === "}") {
      if (block?.kind === "chain") chains.set(block.name, chainOf(block.lines));
      else if (block) sets.set(block.name, setOf(block.lines, block.kind === "map", terse));
      block = undefined;
    } else block?.lines.push(line);
  }
  return { sets, chains };
}

/** Joins lines until every brace that a statement opens is closed; blank lines are left out. */
function* wholeLines(text: string): Generator<string> {
  let held: string[] = [];
  for (const raw of text.split("\n")) {
    const line = raw.trim();
    if (line === "") continue;
    if (held.length === 0 && (!line.includes("{") || /^(table|set|map|chain) \S.*\{$/.test(line) || line.endsWith("}")))
      yield line;
    else {
      held.push(line);
      if (!line.endsWith("}") && !line.includes(" }")) continue;
      yield held.join(" ");
      held = [];
    }
  }
  if (held.length > 0) yield held.join(" ");
}

function setOf(lines: readonly string[], isMap: boolean, terse: boolean): NftSetState {
  const written = lines.find((line) => line.startsWith("elements = {"));
  const head = lines.filter((line) => line !== written);
  const dynamic = head.some((line) => line.startsWith("flags") && line.includes("dynamic"));
  return { head: head.join("; "), isMap, elements: dynamic || terse ? undefined : elementsOf(written) };
}

function elementsOf(line: string | undefined): ReadonlyMap<string, string> {
  const inner = line?.slice(line.indexOf("{") + 1, line.lastIndexOf("}")) ?? "";
  return new Map(
    inner
      .split(",")
      .map((element) => element.trim())
      .filter((element) => element !== "")
      .map((element) => {
        const at = element.indexOf(" : ");
        return at < 0 ? [element, ""] : [element.slice(0, at), element.slice(at + 3)];
      }),
  );
}

function chainOf(lines: readonly string[]): NftChainState {
  const [first = ""] = lines;
  const isBase = /^type \S+ hook /.test(first);
  return { head: isBase ? first : "", rules: isBase ? lines.slice(1) : lines };
}
