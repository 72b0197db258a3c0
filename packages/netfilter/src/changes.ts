// The smallest text for `iptables-restore --noflush` that turns what is observed into what is wanted.
// The unit of change is a chain: a chain that differs is written whole, one that does not is not mentioned.
// The text is applied atomically per table: a packet sees the old rules or the new ones.
import type { Observed, ObservedHook, ObservedTable } from "./observed.ts";
import type { Hook, TableName } from "./rule.ts";

export interface Changes {
  /** Input for the tool; empty when nothing is to be done. */
  readonly text: string;
  /** What the text does, in words, one short phrase each. */
  readonly because: readonly string[];
}

const nothing: ObservedTable = { chains: new Map(), hooks: [] };

/** Compares chain by chain. Tables that are only observed lose everything of ours. */
export function planChanges(wanted: Observed, observed: Observed): Changes {
  const names = new Set<TableName>([...wanted.keys(), ...observed.keys()]);
  const parts = [...names].map((name) => planTable(name, wanted.get(name) ?? nothing, observed.get(name) ?? nothing));
  return { text: parts.map((part) => part.text).join(""), because: parts.flatMap((part) => part.because) };
}

function planTable(name: TableName, wanted: ObservedTable, observed: ObservedTable): Changes {
  const written = [...wanted.chains].filter(([chain, rules]) => !sameRules(rules, observed.chains.get(chain)));
  const dropped = [...observed.chains.keys()].filter((chain) => !wanted.chains.has(chain));
  const hookLines = planHooks(wanted.hooks, observed.hooks);
  if (written.length + dropped.length + hookLines.length === 0) return { text: "", because: [] };
  // Chains are declared before anything refers to them and removed after nothing does.
  const text = [
    `*${name}`,
    ...written.map(([chain]) => `:${chain} - [0:0]`),
    ...dropped.map((chain) => `:${chain} - [0:0]`),
    ...written.flatMap(([chain, rules]) => rules.map((rule) => `-A ${chain} ${rule}`)),
    ...hookLines,
    ...dropped.map((chain) => `-X ${chain}`),
    "COMMIT",
    "",
  ].join("\n");
  return {
    text,
    because: [
      ...written.map(([chain]) => `${name} ${chain} ${observed.chains.has(chain) ? "differs" : "is missing"}`),
      ...dropped.map((chain) => `${name} ${chain} is not wanted`),
      ...(hookLines.length > 0 ? [`${name} hooks differ`] : []),
    ],
  };
}

/** Each hook's rules stay where they are as long as they are there once and in order; otherwise they go to the top. */
function planHooks(wanted: readonly ObservedHook[], observed: readonly ObservedHook[]): string[] {
  const hooks = new Set<Hook>([...wanted, ...observed].map(({ hook }) => hook));
  return [...hooks].flatMap((hook) => {
    const want = rulesOf(wanted, hook);
    const have = rulesOf(observed, hook);
    const misplaced = observed.some((rule) => rule.hook === hook && rule.misplaced);
    if (sameRules(want, have) && !misplaced) return [];
    return [
      ...have.map((rule) => `-D ${hook} ${rule}`),
      ...want.map((rule, index) => `-I ${hook} ${index + 1} ${rule}`),
    ];
  });
}

function rulesOf(rules: readonly ObservedHook[], hook: Hook): string[] {
  return rules.filter((rule) => rule.hook === hook).map(({ rule }) => rule);
}

function sameRules(a: readonly string[], b: readonly string[] | undefined): boolean {
  return b !== undefined && a.length === b.length && a.every((rule, index) => rule === b[index]);
}
