// The kernel's tables in memory: takes what `iptables-restore --noflush` takes and gives what `iptables-save` gives, for
// the lines that `planChanges` writes. Refuses what the kernel would refuse, and then changes nothing of that table.
import { NetfilterError } from "../src/errors.ts";
import type { Tool } from "../src/tool.ts";

export interface MemoryTool extends Tool {
  /** Everything, as `iptables-save` prints it. */
  text(): string;
  /** What was given to `restore`, in order. */
  readonly restored: readonly string[];
  /** A stranger's `iptables -t TABLE -F`. */
  flush(table: string): void;
}

type Chains = Map<string, string[]>;

const kernelChains: Readonly<Record<string, readonly string[]>> = {
  raw: ["PREROUTING", "OUTPUT"],
  mangle: ["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"],
  nat: ["PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"],
  filter: ["INPUT", "FORWARD", "OUTPUT"],
};

export function createMemoryTool(): MemoryTool {
  const tables = new Map<string, Chains>(
    Object.entries(kernelChains).map(([name, chains]) => [name, new Map(chains.map((chain) => [chain, []]))]),
  );
  const restored: string[] = [];
  const print = (name: string): string => {
    const chains = [...(tables.get(name) ?? new Map<string, string[]>())];
    return [
      `*${name}`,
      ...chains.map(([chain]) => `:${chain} ${kernelChains[name]?.includes(chain) ? "ACCEPT" : "-"} [0:0]`),
      ...chains.flatMap(([chain, rules]) => rules.map((rule) => `-A ${chain} ${rule}`)),
      "COMMIT",
      "",
    ].join("\n");
  };
  return {
    save: async (table) => (table ? print(table) : [...tables.keys()].map(print).join("")),
    chain: async (table, chain) => tables.get(table)?.get(chain),
    async restore(text) {
      restored.push(text);
      for (const part of text.split(/(?<=^COMMIT\n)/m)) {
        const name = /^\*(\w+)$/m.exec(part)?.[1];
        if (!name) continue;
        const copy: Chains = new Map(
          [...(tables.get(name) ?? new Map<string, string[]>())].map(([chain, rules]) => [chain, [...rules]]),
        );
        for (const line of part.split("\n")) applyLine(copy, line);
        tables.set(name, copy);
      }
    },
    text: () => [...tables.keys()].map(print).join(""),
    restored,
    flush: (table) => void tables.get(table)?.forEach((rules) => rules.splice(0)),
  };
}

function applyLine(chains: Chains, line: string): void {
  const [, verb = "", chain = "", rest = ""] = /^(:|-\w )(\S+) ?(.*)$/.exec(line) ?? [];
  const refuse = (reason: string): never => {
    throw new NetfilterError("tool-refused", `${reason}: ${line}`);
  };
  if (verb === ":") return void chains.set(chain, []);
  if (verb === "") return;
  const rules = chains.get(chain) ?? refuse("no such chain");
  switch (verb.trim()) {
    case "-A":
      rules.push(rest);
      return;
    case "-I": {
      const [, index = "1", rule = ""] = /^(\d+) (.*)$/.exec(rest) ?? [];
      rules.splice(Number(index) - 1, 0, rule);
      return;
    }
    case "-D": {
      const at = rules.indexOf(rest);
      if (at < 0) refuse("no such rule");
      rules.splice(at, 1);
      return;
    }
    case "-X":
      if (rules.length > 0) refuse("chain is not empty");
      if ([...chains.values()].some((others) => others.some((rule) => rule.endsWith(`-j ${chain}`))))
        refuse("chain is in use");
      chains.delete(chain);
      return;
    default:
      refuse("unknown line");
  }
}
