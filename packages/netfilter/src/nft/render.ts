// A table of nftables as text, letter by letter as `nft -s list table` prints it (but for line breaks): what we want and
// what we read are compared as text. Tested against the real tool.
import type { Family } from "../rule.ts";
import type { NftChain, NftField, NftPart, NftRule, NftSet, NftTable, NftTerm } from "./table.ts";

/** A table as it is compared and written: names → text. */
export interface NftState {
  readonly sets: ReadonlyMap<string, NftSetState>;
  readonly chains: ReadonlyMap<string, NftChainState>;
}

export interface NftSetState {
  /** The lines that say what the set is, joined by "; ". */
  readonly head: string;
  /** undefined: packets write them, nobody compares them. */
  readonly elements: ReadonlyMap<string, string> | undefined;
  readonly isMap: boolean;
}

export interface NftChainState {
  /** The base chain's line, or "". */
  readonly head: string;
  readonly rules: readonly string[];
}

/** What the kernel would print if the table were in force. */
export function nftState(table: NftTable): NftState {
  return {
    sets: new Map(table.sets.map((set) => [set.name, setState(set, table.family)])),
    chains: new Map(table.chains.map((chain) => [chain.name, chainState(chain, table.family)])),
  };
}

/** The whole table as the tool would list it; for goldens and for people. */
export function renderNftTable(table: NftTable): string {
  const { sets, chains } = nftState(table);
  const lines: string[] = [`table ${nftFamily(table.family)} ${table.name} {`];
  for (const [name, { head, elements, isMap }] of sets) {
    lines.push(`\t${isMap ? "map" : "set"} ${name} {`, ...head.split("; ").map((line) => `\t\t${line}`));
    const entries = [...(elements ?? [])].map(([key, value]) => (value === "" ? key : `${key} : ${value}`)).sort();
    if (entries.length > 0) lines.push(`\t\telements = { ${entries.join(",\n\t\t\t     ")} }`);
    lines.push("\t}", "");
  }
  for (const [name, { head, rules }] of chains)
    lines.push(
      `\tchain ${name} {`,
      ...(head === "" ? [] : [`\t\t${head}`]),
      ...rules.map((rule) => `\t\t${rule}`),
      "\t}",
      "",
    );
  if (lines.at(-1) === "") lines.pop();
  return [...lines, "}", ""].join("\n");
}

export function nftFamily(family: Family): "ip" | "ip6" {
  return family === "ipv4" ? "ip" : "ip6";
}

function setState(set: NftSet, family: Family): NftSetState {
  const type = fieldTypes(set.key, family);
  const value =
    set.value === undefined ? "" : ` : ${set.value === "verdict" ? "verdict" : fieldTypes(set.value, family)}`;
  const dynamic = set.timeoutSeconds === undefined ? [] : dynamicLines(set.timeoutSeconds);
  return {
    head: [`type ${type}${value}`, ...dynamic].join("; "),
    elements: set.timeoutSeconds === undefined ? set.elements : undefined,
    isMap: set.value !== undefined,
  };
}

/** A full set forgets nobody: new clients are then not remembered until old ones time out. */
function dynamicLines(timeoutSeconds: number): string[] {
  return ["size 65535", "flags dynamic,timeout", `timeout ${duration(timeoutSeconds)}`];
}

function chainState({ base, rules }: NftChain, family: Family): NftChainState {
  return {
    head: base ? `type ${base.type} hook ${base.hook} priority ${base.priority}; policy accept;` : "",
    rules: rules.map((rule) => renderNftRule(rule, family)),
  };
}

/** One rule, for example `ct state new ip daddr . meta l4proto . th dport vmap @refused`. */
export function renderNftRule(rule: NftRule, family: Family): string {
  return rule.map((term) => renderTerm(term, family)).join(" ");
}

function renderTerm(term: NftTerm, family: Family): string {
  switch (term.kind) {
    case "address":
      return `${part(term.of, family)} ${term.not ? "!= " : ""}${term.cidr.replace(family === "ipv4" ? /\/32$/ : /\/128$/, "")}`;
    case "local":
      return `fib ${term.of === "source" ? "saddr" : "daddr"} type local`;
    case "within":
      return `${key(term.key, family)} @${term.set}`;
    case "protocol":
      return `meta l4proto ${term.protocol}`;
    case "port":
      return `th dport ${term.port}`;
    case "state":
      return `ct state ${term.state}`;
    case "translated":
      return "ct status dnat";
    case "marked":
      return `meta mark & ${mark(term.bit)} != ${mark(0)}`;
    case "setMark":
      return `meta mark set meta mark | ${mark(term.bit)}`;
    case "clearMark":
      return `meta mark set meta mark & ${mark(~term.bit >>> 0)}`;
    case "verdictOf":
      return `${key(term.key, family)} vmap @${term.map}`;
    case "choose":
      return `numgen random mod ${term.chains.length} vmap { ${term.chains.map((chain, index) => `${index} : goto ${chain}`).join(", ")} }`;
    case "destinationOf":
      return `meta l4proto { tcp, udp, sctp } dnat ${nftFamily(family)} to ${key(term.key, family)} map @${term.map}`;
    case "destinationNat":
      return `dnat to ${family === "ipv4" ? term.address : `[${term.address}]`}:${term.port}`;
    case "remember":
      return `update @${term.set} { ${part("source", family)} }`;
    case "masquerade":
      return "masquerade fully-random";
    case "jump":
    case "goto":
      return `${term.kind} ${term.chain}`;
    case "accept":
    case "drop":
    case "reject":
    case "return":
      return term.kind;
  }
}

function key(parts: readonly NftPart[], family: Family): string {
  return parts.map((each) => part(each, family)).join(" . ");
}

function part(which: NftPart, family: Family): string {
  switch (which) {
    case "source":
      return `${nftFamily(family)} saddr`;
    case "destination":
      return `${nftFamily(family)} daddr`;
    case "protocol":
      return "meta l4proto";
    case "port":
      return "th dport";
  }
}

function fieldTypes(fields: readonly NftField[], family: Family): string {
  const types = {
    address: family === "ipv4" ? "ipv4_addr" : "ipv6_addr",
    protocol: "inet_proto",
    port: "inet_service",
  } satisfies Record<NftField, string>;
  return fields.map((field) => types[field]).join(" . ");
}

function mark(value: number): string {
  return `0x${value.toString(16).padStart(8, "0")}`;
}

/** As the tool prints it: 10800 seconds are "3h". */
function duration(seconds: number): string {
  const units = [
    ["d", Math.floor(seconds / 86_400)],
    ["h", Math.floor(seconds / 3_600) % 24],
    ["m", Math.floor(seconds / 60) % 60],
    ["s", seconds % 60],
  ] as const;
  return units.map(([unit, count]) => (count > 0 ? `${count}${unit}` : "")).join("") || "0s";
}
