// All ports' parts as one table. Of ten thousand services one has changed: what it brought before is taken out of the table of before, and what it
// brings now is put in; sets that nothing has touched stay the same objects, which nobody needs to compare. Where services contend for an address the
// table is made anew, port by port, since who comes first has it. What a port brings is the rules' affair.
import type { NftChain, NftSet, NftTable } from "@coxswain/netfilter";
import type { ChainHash } from "./chains.ts";
import type { NftClaim, NftElement, NftPortPart, NftRules } from "./nft-rules.ts";
import type { RulesConfig } from "./rules.ts";
import type { ServicePort } from "./service-port.ts";

type WritableSet = NftSet & { readonly elements: Map<string, string> };
type Table<C extends RulesConfig> = (ports: readonly ServicePort[], config: C, hash: ChainHash) => NftTable;

/** Beyond this many changed ports a table made anew costs no more. */
const mostChanges = 1_000;
/** Chains and sets of one port alone; all others of one name are the same. */
const isOwn = (name: string): boolean => /^(affine|endpoint|firewall|clients)-/.test(name);

/** Gives the table for ports, with a memory of the last one. The same ports in the same order give the same table. */
export function createNftServiceTables<C extends RulesConfig>(rules: NftRules<C>): Table<C> {
  let last: { readonly key: string; readonly parts: ReadonlySet<NftPortPart>; readonly sum: Sum } | undefined;
  return (ports, config, hash) => {
    const key = JSON.stringify(config);
    const before = last?.key === key ? last : undefined;
    // Half changed it would be worth nothing.
    last = undefined;
    const parts = new Set(ports.map((port) => rules.partOf(port, { config, hash }, key)));
    const sum = (before && changed(before.sum, before.parts, parts)) ?? sumOf(rules.sets, parts);
    last = { key, parts, sum };
    return {
      family: config.family,
      name: rules.table,
      sets: [...sum.sets.values()].sort(byName),
      chains: [...rules.chains(config), ...[...sum.chains.values()].sort(byName)],
    };
  };
}

interface Sum {
  /** Sets that are there whether or not a part brings them. */
  readonly common: ReadonlySet<string>;
  readonly sets: Map<string, WritableSet>;
  readonly chains: Map<string, NftChain>;
  /** How many parts bring a set or chain, by its kind and name, and an element, where they are more than one. */
  readonly uses: Map<string, number>;
  /** Who comes first has something that others want, too: nothing can be taken out of this sum. */
  isContended: boolean;
  /** The elements of a set, to be written to. */
  readonly elementsOf: (set: string) => Map<string, string>;
}

function sumOf(commonSets: NftRules<never>["sets"], parts: Iterable<NftPortPart>): Sum {
  const sets = new Map(commonSets.map((set): [string, WritableSet] => [set.name, { ...set, elements: new Map() }]));
  const sum: Sum = {
    common: new Set(sets.keys()),
    ...{ sets, chains: new Map(), uses: new Map(), isContended: false },
    elementsOf: (name) => known(sets, name).elements,
  };
  const nobody = new Set<string>();
  for (const part of parts) {
    declare(sum, part, nobody);
    for (const element of part.elements) put(sum, element);
    for (const claim of part.claims) take(sum, claim);
  }
  return sum;
}

/** The sum of the new parts from that of the old ones; undefined where it has to be made anew. */
function changed(before: Sum, old: ReadonlySet<NftPortPart>, parts: ReadonlySet<NftPortPart>): Sum | undefined {
  if (before.isContended) return undefined;
  const gone = [...old].filter((part) => !parts.has(part));
  const come = [...parts].filter((part) => !old.has(part));
  if (gone.length + come.length > mostChanges) return undefined;
  const sets = new Map(before.sets);
  const copied = new Set<string>();
  const sum: Sum = {
    common: before.common,
    ...{ sets, chains: new Map(before.chains), uses: before.uses, isContended: false },
    // What was handed out is somebody else's by now.
    elementsOf(name) {
      const set = known(sets, name);
      if (copied.has(name)) return set.elements;
      copied.add(name);
      const elements = new Map(set.elements);
      sets.set(name, { ...set, elements });
      return elements;
    },
  };
  const leaving = new Set(gone.flatMap((part) => [...part.chains.keys(), ...part.sets.keys()].filter(isOwn)));
  for (const part of come) declare(sum, part, leaving);
  exchangeElements(sum, gone, come);
  exchangeClaims(sum, gone, come);
  for (const part of gone) retire(sum, part);
  return sum.isContended ? undefined : sum;
}

/** What goes and comes again in the same form is not touched. */
function exchangeElements(sum: Sum, gone: readonly NftPortPart[], come: readonly NftPortPart[]): void {
  const balance = new Map<string, { readonly element: NftElement; by: number }>();
  const weigh = (element: NftElement, by: 1 | -1): void => {
    const id = element.join("|");
    const entry = balance.get(id) ?? { element, by: 0 };
    entry.by += by;
    balance.set(id, entry);
  };
  for (const { elements } of gone) for (const element of elements) weigh(element, -1);
  for (const { elements } of come) for (const element of elements) weigh(element, 1);
  for (const { element, by } of balance.values()) for (let times = by; times < 0; times++) drop(sum, element);
  for (const { element, by } of balance.values()) for (let times = 0; times < by; times++) put(sum, element);
}

/** A part that comes has what the one that goes had under the same key; what nobody inherits is free for others. */
function exchangeClaims(sum: Sum, gone: readonly NftPortPart[], come: readonly NftPortPart[]): void {
  const idOf = ({ map, key }: NftClaim): string => `${map} ${key}`;
  const given = new Map(gone.flatMap(({ claims }) => claims.map((claim) => [idOf(claim), claim] as const)));
  const fresh: NftClaim[] = [];
  for (const { claims } of come)
    for (const claim of claims) {
      const former = given.get(idOf(claim));
      if (!former) fresh.push(claim);
      else {
        given.delete(idOf(claim));
        const had = new Map(former.elements.map((element) => [element.join("|"), element]));
        const has = new Map(claim.elements.map((element) => [element.join("|"), element]));
        for (const [id, [set, key]] of had) if (!has.has(id)) sum.elementsOf(set).delete(key);
        for (const [id, element] of has) if (!had.has(id)) own(sum, element);
      }
    }
  for (const { elements } of given.values()) for (const [set, key] of elements) sum.elementsOf(set).delete(key);
  for (const claim of fresh) take(sum, claim);
}

/** Makes the part's sets and chains. `leaving`: those whose owner makes place for this part. */
function declare(sum: Sum, part: NftPortPart, leaving: ReadonlySet<string>): void {
  const { sets, chains, uses } = sum;
  for (const [name, set] of part.sets) {
    if (!sets.has(name) || leaving.has(name)) sets.set(name, { ...set, elements: new Map() });
    count(uses, `set ${name}`, 1);
  }
  for (const [name, chain] of part.chains) {
    if (!chains.has(name) || leaving.has(name)) chains.set(name, chain);
    else if (isOwn(name)) sum.isContended = true;
    count(uses, `chain ${name}`, 1);
  }
}

/** What no other part brings goes with this one. */
function retire({ sets, chains, uses, common }: Sum, part: NftPortPart): void {
  for (const name of part.chains.keys()) if (count(uses, `chain ${name}`, -1) === 0) chains.delete(name);
  for (const name of part.sets.keys()) if (count(uses, `set ${name}`, -1) === 0 && !common.has(name)) sets.delete(name);
}

function put(sum: Sum, [set, key, value]: NftElement): void {
  const found = known(sum.sets, set).elements.get(key);
  if (found === undefined) sum.elementsOf(set).set(key, value);
  else if (found === value) count(sum.uses, `${set} ${key}`, 1);
  else sum.isContended = true;
}

function drop(sum: Sum, [set, key]: NftElement): void {
  if (sum.uses.has(`${set} ${key}`)) count(sum.uses, `${set} ${key}`, -1);
  else sum.elementsOf(set).delete(key);
}

/** The first service has an address; another that claims the same one waits. */
function take(sum: Sum, { map, refused, key, elements }: NftClaim): void {
  const { sets } = sum;
  if (sets.get(map)?.elements.has(key) || sets.get(refused)?.elements.has(key)) sum.isContended = true;
  else for (const element of elements) own(sum, element);
}

function own(sum: Sum, [set, key, value]: NftElement): void {
  if (known(sum.sets, set).elements.has(key)) sum.isContended = true;
  else sum.elementsOf(set).set(key, value);
}

function known(sets: ReadonlyMap<string, WritableSet>, name: string): WritableSet {
  const set = sets.get(name);
  if (!set) throw new Error(`set ${name} was not declared`);
  return set;
}

/** What is counted nought times is forgotten. */
function count(uses: Map<string, number>, what: string, by: 1 | -1): number {
  const times = (uses.get(what) ?? 0) + by;
  if (times > 0) uses.set(what, times);
  else uses.delete(what);
  return times;
}

function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}
