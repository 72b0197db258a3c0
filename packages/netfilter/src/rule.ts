// Tables, chains and rules as values. They say what shall be; nothing here renders or touches the kernel.
// The vocabulary is what Coxswain's own rules need, not all that the tool can do.

export type Family = "ipv4" | "ipv6";
export type TableName = "raw" | "mangle" | "nat" | "filter";
export type Hook = "PREROUTING" | "INPUT" | "FORWARD" | "OUTPUT" | "POSTROUTING";
export type Protocol = "tcp" | "udp" | "sctp" | "icmp";

/** Everything one owner wants to see in one family's tables. */
export interface Ruleset {
  readonly family: Family;
  readonly tables: readonly Table[];
}

export interface Table {
  readonly name: TableName;
  /** Chains that are ours whole: no foreign rule survives in them. */
  readonly chains: readonly Chain[];
  /** How packets get from the kernel's chains into ours; kept in this order, once each, among the rules of others. */
  readonly hooks: readonly HookRule[];
}

export interface Chain {
  readonly name: string;
  readonly rules: readonly Rule[];
}

/** A rule in one of the kernel's chains. It always jumps to a chain of ours: that is how it is known as ours. */
export interface HookRule {
  readonly hook: Hook;
  readonly rule: Rule & { readonly target: { readonly kind: "jump"; readonly chain: string } };
}

export interface Rule {
  readonly source?: Address;
  readonly destination?: Address;
  readonly inInterface?: Interface;
  readonly outInterface?: Interface;
  readonly protocol?: Protocol;
  readonly matches?: readonly Match[];
  /** Left out, the rule only counts (or, with `recent`, remembers). */
  readonly target?: Target;
}

/** An address or CIDR; `not` turns the match round. */
export type Address = string | { readonly not: string };
/** An interface name; a trailing "+" matches any name that begins so. */
export type Interface = string | { readonly not: string };
export type ConnectionState = "INVALID" | "NEW" | "RELATED" | "ESTABLISHED" | "UNTRACKED" | "SNAT" | "DNAT";

export type Match =
  | { readonly kind: "comment"; readonly text: string }
  | { readonly kind: "destinationPort"; readonly port: number | readonly [from: number, to: number] }
  | { readonly kind: "connection"; readonly states: readonly ConnectionState[]; readonly not?: boolean }
  | { readonly kind: "mark"; readonly value: number; readonly mask: number; readonly not?: boolean }
  | { readonly kind: "sourceType"; readonly type: "LOCAL"; readonly not?: boolean }
  | { readonly kind: "destinationType"; readonly type: "LOCAL"; readonly not?: boolean }
  /** Matches at random with this probability, 0 to 1. */
  | { readonly kind: "probability"; readonly probability: number }
  /** Remembers the packet's source under a name, or asks whether it was seen within the last seconds. */
  | { readonly kind: "remember"; readonly list: string }
  | { readonly kind: "remembered"; readonly list: string; readonly seconds: number };

export type Target =
  | { readonly kind: "jump"; readonly chain: string }
  | { readonly kind: "accept" }
  | { readonly kind: "drop" }
  | { readonly kind: "return" }
  | { readonly kind: "reject"; readonly with?: RejectWith }
  /** "address:port", or an address that leaves the port as it is. */
  | { readonly kind: "destinationNat"; readonly to: string }
  /** To this port of the machine itself. */
  | { readonly kind: "redirect"; readonly port: number }
  | { readonly kind: "masquerade"; readonly randomFully?: boolean }
  /** new mark = (mark & ~mask) ^ value */
  | { readonly kind: "setMark"; readonly value: number; readonly mask: number }
  | { readonly kind: "notrack" };

export type RejectWith =
  "icmp-port-unreachable" | "icmp6-port-unreachable" | "tcp-reset" | "icmp-host-prohibited" | "icmp6-adm-prohibited";

/** Kernel's limit for a chain's name, in bytes. */
export const maxChainNameBytes = 28;
/** Kernel's limit for a comment, in bytes; longer ones are cut when they are rendered. */
export const maxCommentBytes = 255;

/** Shorthand for the most frequent match. */
export function comment(text: string): Match {
  return { kind: "comment", text };
}

/** Shorthand for the most frequent target. */
export function jump(chain: string): { readonly kind: "jump"; readonly chain: string } {
  return { kind: "jump", chain };
}
