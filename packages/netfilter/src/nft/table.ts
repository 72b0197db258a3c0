// A table of nftables as a value: sets, maps, chains and rules. The vocabulary is what Coxswain's own rules need. What is
// said per service is an element of a map and not a rule: a packet is looked up once, whatever the number of services,
// and a change is an element more or less. Nothing here renders or touches the kernel.
import type { Family, Protocol } from "../rule.ts";

/** One owner's table. It is the owner's whole: nothing foreign survives in it. */
export interface NftTable {
  readonly family: Family;
  readonly name: string;
  readonly sets: readonly NftSet[];
  readonly chains: readonly NftChain[];
}

/** What a packet is looked up by. */
export type NftField = "address" | "protocol" | "port";

/** A set, or with `value` a map from keys to verdicts or to destinations. */
export interface NftSet {
  readonly name: string;
  readonly key: readonly NftField[];
  readonly value?: "verdict" | readonly NftField[];
  /** Key → value as text (`nftKey`, a verdict); the value is "" in a set. */
  readonly elements: ReadonlyMap<string, string>;
  /** Left out, the elements are ours. Given, packets add them and they vanish so long after the last packet. */
  readonly timeoutSeconds?: number;
}

export interface NftChain {
  readonly name: string;
  /** Left out, the chain is entered from other chains only. */
  readonly base?: NftBase;
  readonly rules: readonly NftRule[];
}

export interface NftBase {
  readonly type: "filter" | "nat";
  readonly hook: "prerouting" | "input" | "forward" | "output" | "postrouting";
  /** As the tool prints it: a name where it has one for this hook ("dstnat - 10"), else a number ("-110"). */
  readonly priority: string;
}

/** Matches first, then what is done with the packet. */
export type NftRule = readonly NftTerm[];

/** Where in the packet a key's parts are found. */
export type NftPart = "source" | "destination" | "protocol" | "port";

export type NftTerm =
  | { readonly kind: "address"; readonly of: "source" | "destination"; readonly cidr: string; readonly not?: boolean }
  | { readonly kind: "local"; readonly of: "source" | "destination" }
  | { readonly kind: "within"; readonly key: readonly NftPart[]; readonly set: string }
  | { readonly kind: "protocol"; readonly protocol: Protocol }
  | { readonly kind: "port"; readonly port: number }
  | { readonly kind: "state"; readonly state: "new" | "invalid" }
  /** The connection has been given another destination. */
  | { readonly kind: "translated" }
  | { readonly kind: "marked"; readonly bit: number }
  | { readonly kind: "setMark"; readonly bit: number }
  | { readonly kind: "clearMark"; readonly bit: number }
  /** The map's verdict for the packet; without one the next rule is asked. */
  | { readonly kind: "verdictOf"; readonly key: readonly NftPart[]; readonly map: string }
  /** Goes to one of at least two chains, each as likely as the others. */
  | { readonly kind: "choose"; readonly chains: readonly string[] }
  | { readonly kind: "destinationOf"; readonly key: readonly NftPart[]; readonly map: string }
  | { readonly kind: "destinationNat"; readonly address: string; readonly port: number }
  /** Adds the packet's source to a set, or renews it there. */
  | { readonly kind: "remember"; readonly set: string }
  | { readonly kind: "masquerade" }
  | { readonly kind: "jump" | "goto"; readonly chain: string }
  | { readonly kind: "accept" | "drop" | "reject" | "return" };

/** An element's key or a destination: its parts in the order of the set's `key`. */
export function nftKey(...parts: readonly (string | number)[]): string {
  return parts.join(" . ");
}

/** The kernel's limit for a chain's or set's name, in bytes. */
export const maxNftNameBytes = 127;
