// The smallest `nft -f` text that turns what is observed into what is wanted. The text is one transaction: a packet sees
// the old table or the new one. Elements are added and removed one by one; a chain that differs is written whole; only
// where the kind of a set or a base chain differs, the table is made anew (in the same transaction).
import type { Changes } from "../changes.ts";
import type { Family } from "../rule.ts";
import { nftFamily } from "./render.ts";
import type { NftSetState, NftState } from "./render.ts";

const elementsPerLine = 200;

/** `observed` undefined: there is no such table. `wanted` undefined: there shall be none. */
export function planNftChanges(
  table: { readonly family: Family; readonly name: string },
  wanted: NftState | undefined,
  observed: NftState | undefined,
): Changes {
  const at = `${nftFamily(table.family)} ${table.name}`;
  if (!wanted)
    return observed
      ? { text: `delete table ${at}\n`, because: [`table ${table.name} is not wanted`] }
      : { text: "", because: [] };
  if (!observed) return write(at, wanted, empty, [`add table ${at}`], [`table ${table.name} is missing`]);
  if (needsAnew(wanted, observed)) {
    const first = [`add table ${at}`, `delete table ${at}`, `add table ${at}`];
    return write(at, wanted, empty, first, [`table ${table.name} is made anew`]);
  }
  return write(at, wanted, observed, [], []);
}

const empty: NftState = { sets: new Map(), chains: new Map() };

/** A set's type or a base chain's hook cannot be changed in place. */
function needsAnew(wanted: NftState, observed: NftState): boolean {
  return (
    [...wanted.sets].some(([name, { head }]) => (observed.sets.get(name)?.head ?? head) !== head) ||
    [...wanted.chains].some(([name, { head }]) => (observed.chains.get(name)?.head ?? head) !== head)
  );
}

function write(
  at: string,
  wanted: NftState,
  observed: NftState,
  first: readonly string[],
  reasons: readonly string[],
): Changes {
  const because = [...reasons];
  const declared: string[] = [];
  const rules: string[] = [];
  const removed: string[] = [];
  const added: string[] = [];
  for (const [name, set] of wanted.sets) {
    const before = observed.sets.get(name);
    if (!before) {
      declared.push(`add ${set.isMap ? "map" : "set"} ${at} ${name} { ${set.head} ; }`);
      if (reasons.length === 0) because.push(`${name} is missing`);
    }
    const { gone, come } = elementChanges(set, before);
    removed.push(...elementLines("delete", at, name, gone));
    added.push(...elementLines("add", at, name, come));
    if (before && gone.length + come.length > 0)
      because.push(`${name}: ${come.length} elements more, ${gone.length} fewer`);
  }
  for (const [name, chain] of wanted.chains) {
    const before = observed.chains.get(name);
    if (before && sameRules(chain.rules, before.rules)) continue;
    if (!before) declared.push(`add chain ${at} ${name}${chain.head === "" ? "" : ` { ${chain.head} }`}`);
    else rules.push(`flush chain ${at} ${name}`);
    rules.push(...chain.rules.map((rule) => `add rule ${at} ${name} ${rule}`));
    if (reasons.length === 0) because.push(`${name} ${before ? "differs" : "is missing"}`);
  }
  const lostChains = [...observed.chains.keys()].filter((name) => !wanted.chains.has(name));
  const lostSets = [...observed.sets].filter(([name]) => !wanted.sets.has(name));
  because.push(...[...lostChains, ...lostSets.map(([name]) => name)].map((name) => `${name} is not wanted`));
  // Things are declared before anything names them, and removed after nothing does.
  const lines = [
    ...first,
    ...declared,
    ...rules,
    ...removed,
    ...added,
    ...lostChains.map((name) => `flush chain ${at} ${name}`),
    ...lostSets.map(([name, { isMap }]) => `flush ${isMap ? "map" : "set"} ${at} ${name}`),
    ...lostChains.map((name) => `delete chain ${at} ${name}`),
    ...lostSets.map(([name, { isMap }]) => `delete ${isMap ? "map" : "set"} ${at} ${name}`),
  ];
  return { text: lines.map((line) => `${line}\n`).join(""), because };
}

/** A key whose value is another goes and comes. */
function elementChanges(
  set: NftSetState,
  before: NftSetState | undefined,
): { readonly gone: readonly string[]; readonly come: readonly string[] } {
  if (!set.elements || set.elements === before?.elements) return { gone: [], come: [] };
  const old = before?.elements ?? new Map<string, string>();
  const gone: string[] = [];
  const come: string[] = [];
  for (const [key] of old) if (!set.elements.has(key)) gone.push(key);
  for (const [key, value] of set.elements) {
    const was = old.get(key);
    if (was === value) continue;
    if (was !== undefined) gone.push(key);
    come.push(value === "" ? key : `${key} : ${value}`);
  }
  return { gone, come };
}

function elementLines(verb: "add" | "delete", at: string, set: string, elements: readonly string[]): string[] {
  const lines: string[] = [];
  for (let from = 0; from < elements.length; from += elementsPerLine)
    lines.push(`${verb} element ${at} ${set} { ${elements.slice(from, from + elementsPerLine).join(", ")} }`);
  return lines;
}

function sameRules(a: readonly string[], b: readonly string[]): boolean {
  return a === b || (a.length === b.length && a.every((rule, index) => rule === b[index]));
}
