// One table of nftables in memory: takes the lines that `planNftChanges` writes and lists the table as the tool would.
// Refuses what the kernel would refuse, and then changes nothing.
import { NetfilterError } from "../src/errors.ts";
import type { NftTool } from "../src/nft/tool.ts";

export interface MemoryNftTool extends NftTool {
  /** The table as `nft -s list table` prints it; "" when there is none. */
  text(): string;
  /** What was given to `apply`, in order. */
  readonly applied: readonly string[];
  /** A stranger's `nft delete table`. */
  destroy(): void;
}

interface MemoryTable {
  readonly title: string;
  readonly sets: Map<string, { kind: string; head: string; elements: Map<string, string> }>;
  readonly chains: Map<string, { head: string; rules: string[] }>;
}

export function createMemoryNftTool(): MemoryNftTool {
  let table: MemoryTable | undefined;
  const applied: string[] = [];
  return {
    list: async (_table, terse) => (table ? print(table, terse) : undefined),
    async apply(text) {
      applied.push(text);
      let next = table && structuredClone(table);
      for (const line of text.split("\n").filter((each) => each !== "")) next = applyLine(next, line);
      table = next;
    },
    text: () => (table ? print(table, false) : ""),
    applied,
    destroy: () => void (table = undefined),
  };
}

function print({ title, sets, chains }: MemoryTable, terse: boolean): string {
  const lines = [`table ${title} {`];
  for (const [name, { kind, head, elements }] of sets) {
    lines.push(`\t${kind} ${name} {`, ...head.split("; ").map((line) => `\t\t${line}`));
    const entries = [...elements].map(([key, value]) => (value === "" ? key : `${key} : ${value}`)).sort();
    if (entries.length > 0 && !terse) lines.push(`\t\telements = { ${entries.join(",\n\t\t\t     ")} }`);
    lines.push("\t}", "");
  }
  for (const [name, { head, rules }] of chains)
    lines.push(
      `\tchain ${name} {`,
      ...[head, ...rules].filter((rule) => rule !== "").map((rule) => `\t\t${rule}`),
      "\t}",
      "",
    );
  if (lines.at(-1) === "") lines.pop();
  return [...lines, "}", ""].join("\n");
}

function applyLine(table: MemoryTable | undefined, line: string): MemoryTable | undefined {
  const refuse = (reason: string): never => {
    throw new NetfilterError("tool-refused", `${reason}: ${line}`);
  };
  const [, verb, kind, family, title, rest = ""] = /^(add|delete|flush) (\w+) (ip6?) (\S+) ?(.*)$/.exec(line) ?? [];
  if (kind === "table") {
    if (verb === "add") return table ?? { title: `${family} ${title}`, sets: new Map(), chains: new Map() };
    return table ? undefined : refuse("no such table");
  }
  if (!table) return refuse("no such table");
  const [, name = "", body = ""] = /^(\S+) ?(.*)$/.exec(rest) ?? [];
  const inner = /^\{ (.*) \}$/.exec(body)?.[1] ?? "";
  switch (`${verb} ${kind}`) {
    case "add set":
    case "add map":
      table.sets.set(name, { kind: kind ?? "", head: inner.replace(/ ;$/, ""), elements: new Map() });
      return table;
    case "add chain":
      table.chains.set(name, { head: inner, rules: [] });
      return table;
    case "add rule":
      for (const [, chain = ""] of body.matchAll(/(?:goto|jump) (\S+?)(?:,|$| )/g))
        if (!table.chains.has(chain)) refuse(`no chain ${chain}`);
      for (const [, set = ""] of body.matchAll(/@(\S+)/g)) if (!table.sets.has(set)) refuse(`no set ${set}`);
      (table.chains.get(name) ?? refuse("no such chain")).rules.push(body);
      return table;
    case "flush chain":
      (table.chains.get(name) ?? refuse("no such chain")).rules.splice(0);
      return table;
    case "flush set":
    case "flush map":
      (table.sets.get(name) ?? refuse("no such set")).elements.clear();
      return table;
    case "delete chain":
      if (isUsed(table, new RegExp(`(goto|jump) ${escape(name)}(,|$| )`))) refuse("chain is in use");
      return table.chains.delete(name) ? table : refuse("no such chain");
    case "delete set":
    case "delete map":
      if (isUsed(table, new RegExp(`@${escape(name)}( |$)`))) refuse("set is in use");
      return table.sets.delete(name) ? table : refuse("no such set");
    case "add element":
    case "delete element": {
      const { elements } = table.sets.get(name) ?? refuse("no such set");
      for (const element of inner.split(", ")) {
        const [key = "", value = ""] = element.split(" : ");
        if (verb === "add") {
          const chain = /^goto (.+)$/.exec(value)?.[1];
          if (chain !== undefined && !table.chains.has(chain)) refuse(`no chain ${chain}`);
          if ((elements.get(key) ?? value) !== value) refuse("the key has another value");
          elements.set(key, value);
        } else if (!elements.delete(key)) refuse("no such element");
      }
      return table;
    }
    default:
      return refuse("unknown line");
  }
}

function isUsed({ sets, chains }: MemoryTable, pattern: RegExp): boolean {
  return (
    [...chains.values()].some(({ rules }) => rules.some((rule) => pattern.test(rule))) ||
    [...sets.values()].some(({ elements }) => [...elements.values()].some((value) => pattern.test(value)))
  );
}

function escape(name: string): string {
  return name.replace(/[.\\/-]/g, "\\$&");
}
