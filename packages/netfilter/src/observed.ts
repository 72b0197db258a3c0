// What the kernel holds of ours, read from `iptables-save` text. Rules stay text: they are only compared.
// Foreign chains and foreign rules are not kept.
import { renderRule } from "./render.ts";
import type { Hook, Ruleset, TableName } from "./rule.ts";

export interface ObservedTable {
  /** Our chains and their rules, each as `renderRule` would write it. */
  readonly chains: ReadonlyMap<string, readonly string[]>;
  /** Rules of the kernel's chains that jump into one of ours, in the kernel's order. */
  readonly hooks: readonly ObservedHook[];
}

export interface ObservedHook {
  readonly hook: Hook;
  readonly rule: string;
  /** A rule that ours must come before stands above it. */
  readonly misplaced?: true;
}

export type Observed = ReadonlyMap<TableName, ObservedTable>;

/** Whether a chain of this name belongs to the caller. */
export type Owned = (chain: string) => boolean;

const hooks: readonly string[] = ["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"] satisfies Hook[];
const tableNames: readonly string[] = ["raw", "mangle", "nat", "filter"] satisfies TableName[];

/**
 * Reads `iptables-save` text. A rule in a foreign chain that jumps into ours is left alone: it is not ours.
 * `before` are foreign chains that our hooks must come before.
 */
export function parseSave(text: string, owned: Owned, before: Owned = () => false): Observed {
  const tables = new Map<TableName, { chains: Map<string, string[]>; hooks: ObservedHook[] }>();
  let table: { chains: Map<string, string[]>; hooks: ObservedHook[] } | undefined;
  let passed = new Set<Hook>();
  for (const line of text.split("\n")) {
    if (line.startsWith("*")) {
      const name = line.slice(1).trim();
      table = { chains: new Map(), hooks: [] };
      passed = new Set();
      if (isTableName(name)) tables.set(name, table);
    } else if (line.startsWith(":")) {
      const name = line.slice(1).split(" ", 1)[0] ?? "";
      if (owned(name)) table?.chains.set(name, []);
    } else if (line.startsWith("-A ")) {
      const end = line.indexOf(" ", 3);
      const chain = end < 0 ? line.slice(3) : line.slice(3, end);
      const rule = end < 0 ? "" : line.slice(end + 1);
      if (isHook(chain)) {
        const target = jumpTarget(rule);
        if (target === undefined) continue;
        if (before(target)) passed.add(chain);
        if (owned(target)) table?.hooks.push({ hook: chain, rule, ...(passed.has(chain) ? { misplaced: true } : {}) });
      } else {
        table?.chains.get(chain)?.push(rule);
      }
    }
  }
  return tables;
}

/** What the kernel would hold if the ruleset were in force and nothing else. */
export function asObserved(ruleset: Ruleset): Observed {
  return new Map(
    ruleset.tables.map((table) => [
      table.name,
      {
        chains: new Map(
          table.chains.map((chain) => [chain.name, chain.rules.map((rule) => renderRule(rule, ruleset.family))]),
        ),
        hooks: table.hooks.map(({ hook, rule }) => ({ hook, rule: renderRule(rule, ruleset.family) })),
      },
    ]),
  );
}

function isHook(chain: string): chain is Hook {
  return hooks.includes(chain);
}

function isTableName(name: string): name is TableName {
  return tableNames.includes(name);
}

function jumpTarget(rule: string): string | undefined {
  return /(?:^| )-[jg] (\S+)$/.exec(rule)?.[1];
}
