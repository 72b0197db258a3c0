// Rules as text, letter by letter as `iptables-save` prints them: what we want and what we read are compared as text,
// so a rule that is rendered otherwise would be written again at every look. Tested against the real tool.
import { maxCommentBytes } from "./rule.ts";
import type { Address, ConnectionState, Family, Interface, Match, Rule, Ruleset, Target } from "./rule.ts";

const rendered = { ipv4: new WeakMap<Rule, string>(), ipv6: new WeakMap<Rule, string>() };

/** The rule without its "-A CHAIN", for example `-p tcp -m tcp --dport 80 -j ACCEPT`. A rule is rendered once. */
export function renderRule(rule: Rule, family: Family): string {
  const known = rendered[family].get(rule);
  if (known !== undefined) return known;
  const text = wordsOf(rule, family);
  rendered[family].set(rule, text);
  return text;
}

function wordsOf(rule: Rule, family: Family): string {
  const words = [
    ...negatable("-s", rule.source, (address) => withPrefix(address, family)),
    ...negatable("-d", rule.destination, (address) => withPrefix(address, family)),
    ...negatable("-i", rule.inInterface, (name) => name),
    ...negatable("-o", rule.outInterface, (name) => name),
    ...(rule.protocol ? ["-p", rule.protocol] : []),
    ...(rule.matches ?? []).flatMap((match) => renderMatch(match, rule, family)),
    ...(rule.target ? renderTarget(rule.target, family) : []),
  ];
  return words.join(" ");
}

/** The whole ruleset as one text that makes it so on an empty machine; for goldens and for people. */
export function renderRuleset(ruleset: Ruleset): string {
  const { family } = ruleset;
  return ruleset.tables
    .map((table) =>
      [
        `*${table.name}`,
        ...table.chains.map((chain) => `:${chain.name} - [0:0]`),
        ...table.hooks.map(({ hook, rule }) => `-A ${hook} ${renderRule(rule, family)}`),
        ...table.chains.flatMap((chain) => chain.rules.map((rule) => `-A ${chain.name} ${renderRule(rule, family)}`)),
        "COMMIT",
        "",
      ].join("\n"),
    )
    .join("");
}

function negatable(flag: string, value: Address | Interface | undefined, write: (text: string) => string): string[] {
  if (value === undefined) return [];
  return typeof value === "string" ? [flag, write(value)] : ["!", flag, write(value.not)];
}

function withPrefix(address: string, family: Family): string {
  return address.includes("/") ? address : `${address}/${family === "ipv4" ? 32 : 128}`;
}

/** The order in which the kernel's module lists states. */
const stateOrder: readonly ConnectionState[] = [
  "INVALID",
  "NEW",
  "RELATED",
  "ESTABLISHED",
  "UNTRACKED",
  "SNAT",
  "DNAT",
];

function renderMatch(match: Match, rule: Rule, family: Family): string[] {
  switch (match.kind) {
    case "comment":
      return ["-m", "comment", "--comment", quote(cut(match.text, maxCommentBytes))];
    case "destinationPort":
      if (!rule.protocol || rule.protocol === "icmp")
        throw new Error(`a port needs tcp, udp or sctp, found ${rule.protocol ?? "no protocol"}`);
      return [
        "-m",
        rule.protocol,
        "--dport",
        typeof match.port === "number" ? String(match.port) : match.port.join(":"),
      ];
    case "connection":
      return [
        "-m",
        "conntrack",
        ...not(match),
        "--ctstate",
        stateOrder.filter((state) => match.states.includes(state)).join(","),
      ];
    case "mark":
      return [
        "-m",
        "mark",
        ...not(match),
        "--mark",
        `${hex(match.value)}${match.mask === 0xffffffff ? "" : `/${hex(match.mask)}`}`,
      ];
    case "sourceType":
      return ["-m", "addrtype", ...not(match), "--src-type", match.type];
    case "destinationType":
      return ["-m", "addrtype", ...not(match), "--dst-type", match.type];
    case "probability":
      return ["-m", "statistic", "--mode", "random", "--probability", kernelProbability(match.probability)];
    case "remember":
      return ["-m", "recent", "--set", "--name", match.list, ...recentTail(family)];
    case "remembered":
      return [
        "-m",
        "recent",
        "--rcheck",
        "--seconds",
        String(match.seconds),
        "--reap",
        "--name",
        match.list,
        ...recentTail(family),
      ];
  }
}

function renderTarget(target: Target, family: Family): string[] {
  switch (target.kind) {
    case "jump":
      return ["-j", target.chain];
    case "accept":
      return ["-j", "ACCEPT"];
    case "drop":
      return ["-j", "DROP"];
    case "return":
      return ["-j", "RETURN"];
    case "reject":
      return [
        "-j",
        "REJECT",
        "--reject-with",
        target.with ?? (family === "ipv4" ? "icmp-port-unreachable" : "icmp6-port-unreachable"),
      ];
    case "destinationNat":
      return ["-j", "DNAT", "--to-destination", target.to];
    case "redirect":
      return ["-j", "REDIRECT", "--to-ports", String(target.port)];
    case "masquerade":
      return ["-j", "MASQUERADE", ...(target.randomFully ? ["--random-fully"] : [])];
    case "setMark":
      return ["-j", "MARK", "--set-xmark", `${hex(target.value)}/${hex(target.mask)}`];
    case "notrack":
      return ["-j", "CT", "--notrack"];
  }
}

function not(match: { readonly not?: boolean }): string[] {
  return match.not ? ["!"] : [];
}

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}

/** The kernel keeps 31 bits of a probability and the tool prints eleven decimals of what is kept. */
function kernelProbability(probability: number): string {
  return (Math.round(probability * 2 ** 31) / 2 ** 31).toFixed(11);
}

function recentTail(family: Family): string[] {
  return ["--mask", family === "ipv4" ? "255.255.255.255" : "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "--rsource"];
}

function quote(text: string): string {
  return /^[\w-]+$/.test(text) ? text : `"${text.replace(/["\\']/g, "\\$&")}"`;
}

function cut(text: string, bytes: number): string {
  const whole = new TextEncoder().encode(text.replace(/[\r\n]+/g, " "));
  return whole.length <= bytes
    ? text.replace(/[\r\n]+/g, " ")
    : new TextDecoder().decode(whole.subarray(0, bytes)).replace(/\uFFFD+$/, "");
}
