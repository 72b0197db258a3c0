// Walks the first packet of a connection through one table of nftables, as the kernel would: base chains of a hook in the
// order of their priority, maps and sets looked up, dynamic sets remembered. It fails on any word it does not know: a rule
// that the walker would misread must not pass a test. One machine, no established connections, no fragments.
//
//   from outside or a pod:  prerouting → input (address is local) or forward → postrouting
//   from the machine:       output → postrouting
// Where the world has a balancer (IPVS), it takes packets after input or output and gives them to postrouting.
import { parseNftList } from "../src/nft/listed.ts";
import type { NftState } from "../src/nft/render.ts";
import { isLocalAddress, within } from "./addresses.ts";
import type { Packet, Verdict, World } from "./walk-packet.ts";

interface Walk {
  readonly table: NftState;
  readonly world: World;
  readonly packet: Packet;
  readonly path: string[];
  destination: string;
  port: number;
  mark: number;
  translated: boolean;
  masqueraded: boolean;
}

let latest: { readonly text: string; readonly table: NftState } | undefined;

/** Thousands of packets are walked through one text. */
function parsed(text: string): NftState {
  if (latest?.text !== text) latest = { text, table: parseNftList(text) };
  return latest.table;
}

type Outcome = "continue" | "return" | "break" | "accept" | "drop" | "reject";

/** `text` is a table as `nft -s list table` or `renderNftTable` give it. */
export function walkNftPacket(text: string, packet: Packet, world: World): Verdict {
  const walk: Walk = {
    table: parsed(text),
    world,
    packet,
    path: [],
    destination: packet.destination,
    port: packet.port,
    mark: 0,
    translated: false,
    masqueraded: false,
  };
  const verdict = pass(walk);
  return { verdict, destination: walk.destination, port: walk.port, masqueraded: walk.masqueraded, path: walk.path };
}

function pass(walk: Walk): Verdict["verdict"] {
  const first = runHook(walk, walk.packet.inInterface === undefined ? "output" : "prerouting");
  if (first !== "accept") return first;
  if (walk.packet.inInterface !== undefined) {
    const local = isLocalAddress(walk.world, walk.destination);
    const second = runHook(walk, local ? "input" : "forward");
    if (second !== "accept") return second;
    return local ? (balance(walk) ?? "accept") : runHook(walk, "postrouting");
  }
  return balance(walk) ?? runHook(walk, "postrouting");
}

/** What becomes of a packet that the balancer takes; undefined: it passes. */
function balance(walk: Walk): Verdict["verdict"] | undefined {
  const { packet, destination, port } = walk;
  const to = walk.world.balance?.({ ...packet, destination, port });
  if (to === undefined || to === "reject") return to;
  walk.destination = to.address;
  walk.port = to.port;
  return runHook(walk, "postrouting");
}

const names: Readonly<Record<string, number>> = { dstnat: -100, filter: 0, srcnat: 100 };

function runHook(walk: Walk, hook: string): Verdict["verdict"] {
  const bases = [...walk.table.chains]
    .flatMap(([name, { head }]) => {
      const [, at, priority = ""] = /^type \S+ hook (\S+) priority ([^;]+);/.exec(head) ?? [];
      return at === hook ? [{ name, priority: priorityOf(priority) }] : [];
    })
    .sort((a, b) => a.priority - b.priority);
  for (const { name } of bases) {
    const outcome = runChain(walk, name, 0);
    if (outcome === "drop" || outcome === "reject") return outcome;
  }
  return "accept";
}

function priorityOf(text: string): number {
  const [base = "", sign, more] = text.split(" ");
  return (names[base] ?? Number(base)) + (more === undefined ? 0 : Number(`${sign}${more}`));
}

function runChain(walk: Walk, name: string, depth: number): Outcome {
  if (depth > 16) throw new Error(`chains call each other without end: ${walk.path.join(" → ")}`);
  const chain = walk.table.chains.get(name);
  if (!chain) throw new Error(`chain ${name} does not exist`);
  if (depth > 0) walk.path.push(name);
  for (const rule of chain.rules) {
    const outcome = runRule(walk, rule, depth);
    if (outcome === "return") return "continue";
    if (outcome !== "continue" && outcome !== "break") return outcome;
  }
  return "continue";
}

/** Terms from left to right; the first that does not hold ends the rule. */
function runRule(walk: Walk, rule: string, depth: number): Outcome {
  let rest = rule;
  while (rest !== "") {
    const found = terms.find(({ pattern }) => pattern.test(rest));
    const match = found?.pattern.exec(rest);
    if (!found || !match) throw new Error(`the walker does not know ${rest} in ${rule}`);
    const outcome = found.run(walk, match, depth);
    if (outcome !== "continue") return outcome;
    rest = rest.slice(match[0].length).trimStart();
  }
  return "continue";
}

interface Term {
  readonly pattern: RegExp;
  readonly run: (walk: Walk, match: RegExpExecArray, depth: number) => Outcome;
}

const held = (holds: boolean): Outcome => (holds ? "continue" : "break");
const part = String.raw`(?:ip6? [sd]addr|meta l4proto|th dport)`;
const key = String.raw`(${part}(?: \. ${part})*)`;

const terms: readonly Term[] = [
  {
    pattern: new RegExp(`^${key} vmap @(\\S+)`),
    run: (walk, [, of = "", map = ""], depth) => follow(walk, lookUp(walk, map, of), depth),
  },
  { pattern: new RegExp(`^${key} @(\\S+)`), run: (walk, [, of = "", set = ""]) => held(isMember(walk, set, of)) },
  {
    pattern: /^meta l4proto \{ ([^}]+) \}/,
    run: (walk, [, list = ""]) => held(list.split(", ").includes(walk.packet.protocol)),
  },
  { pattern: /^meta l4proto (\w+)/, run: (walk, [, protocol]) => held(walk.packet.protocol === protocol) },
  { pattern: /^th dport (\d+)/, run: (walk, [, port]) => held(walk.port === Number(port)) },
  {
    pattern: /^ip6? ([sd])addr (!= )?([0-9a-f.:/]+)/,
    run: (walk, [, side, not, cidr = ""]) =>
      held(within(side === "s" ? walk.packet.source : walk.destination, cidr) !== (not !== undefined)),
  },
  {
    pattern: /^fib ([sd])addr type local/,
    run: (walk, [, side]) => held(isLocalAddress(walk.world, side === "s" ? walk.packet.source : walk.destination)),
  },
  { pattern: /^ct state (new|invalid)/, run: (_walk, [, state]) => held(state === "new") },
  { pattern: /^ct status dnat/, run: (walk) => held(walk.translated) },
  { pattern: /^meta mark & (0x\w+) != 0x0+/, run: (walk, [, bit]) => held((walk.mark & Number(bit)) !== 0) },
  {
    pattern: /^meta mark set meta mark ([|&]) (0x\w+)/,
    run(walk, [, operator, value]) {
      walk.mark = (operator === "|" ? walk.mark | Number(value) : walk.mark & Number(value)) >>> 0;
      return "continue";
    },
  },
  {
    pattern: /^numgen random mod (\d+) vmap \{ ([^}]+) \}/,
    run(walk, [, count, list = ""], depth) {
      const drawn = Math.floor((walk.world.random?.() ?? 0) * Number(count));
      const verdicts = new Map(list.split(", ").map((entry) => entry.split(" : ") as [string, string]));
      return follow(walk, verdicts.get(String(drawn)), depth);
    },
  },
  {
    pattern: new RegExp(`^dnat ip6? to ${key} map @(\\S+)`),
    run: (walk, [, of = "", map = ""]) => translate(walk, lookUp(walk, map, of)),
  },
  {
    pattern: /^dnat to \[?([0-9a-f.:]+?)\]?:(\d+)$/,
    run: (walk, [, address, port]) => translate(walk, `${address} . ${port}`),
  },
  {
    pattern: /^update @(\S+) \{ ip6? saddr \}/,
    run(walk, [, set = ""]) {
      listOf(walk, set).set(walk.packet.source, walk.world.nowSeconds ?? 0);
      return "continue";
    },
  },
  {
    pattern: /^masquerade fully-random/,
    run(walk) {
      walk.masqueraded = true;
      return "accept";
    },
  },
  { pattern: /^jump (\S+)/, run: (walk, [, chain = ""], depth) => runChain(walk, chain, depth + 1) },
  { pattern: /^goto (\S+)/, run: (walk, [verdict], depth) => follow(walk, verdict, depth) },
  { pattern: /^(accept|drop|reject|return)/, run: (_walk, [verdict]) => verdict as Outcome },
];

/** After "goto" the chain that went is over: what it returns to is its caller's next rule. */
function follow(walk: Walk, verdict: string | undefined, depth: number): Outcome {
  if (verdict === undefined) return "break";
  const [kind, chain = ""] = verdict.split(" ");
  if (kind === "drop" || kind === "accept" || kind === "return") return kind;
  if (kind !== "goto") throw new Error(`the walker does not know the verdict ${verdict}`);
  const outcome = runChain(walk, chain, depth + 1);
  return outcome === "continue" ? "return" : outcome;
}

function translate(walk: Walk, to: string | undefined): Outcome {
  if (to === undefined) return "break";
  const [address = "", port] = to.split(" . ");
  walk.destination = address;
  walk.port = Number(port);
  walk.translated = true;
  return "accept";
}

function lookUp(walk: Walk, set: string, of: string): string | undefined {
  const found = walk.table.sets.get(set);
  if (!found) throw new Error(`set ${set} does not exist`);
  return found.elements?.get(keyOf(walk, of));
}

function isMember(walk: Walk, name: string, of: string): boolean {
  const set = walk.table.sets.get(name);
  if (!set) throw new Error(`set ${name} does not exist`);
  if (set.elements) return set.elements.has(keyOf(walk, of));
  const seen = listOf(walk, name).get(keyOf(walk, of));
  return seen !== undefined && (walk.world.nowSeconds ?? 0) - seen <= timeoutOf(set.head);
}

function keyOf(walk: Walk, of: string): string {
  const parts = of.split(" . ").map((each) => {
    if (each.endsWith("saddr")) return walk.packet.source;
    if (each.endsWith("daddr")) return walk.destination;
    return each === "th dport" ? String(walk.port) : walk.packet.protocol;
  });
  return parts.join(" . ");
}

function listOf(walk: Walk, name: string): Map<string, number> {
  const lists = walk.world.recent ?? new Map<string, Map<string, number>>();
  const list = lists.get(name) ?? new Map<string, number>();
  lists.set(name, list);
  return list;
}

function timeoutOf(head: string): number {
  const text = /timeout (?:[^;]*; )?timeout (\S+)|timeout (\S+)$/.exec(head);
  const units: Readonly<Record<string, number>> = { d: 86_400, h: 3_600, m: 60, s: 1 };
  return [...(text?.[1] ?? text?.[2] ?? "").matchAll(/(\d+)([dhms])/g)].reduce(
    (sum, [, count, unit = "s"]) => sum + Number(count) * (units[unit] ?? 1),
    0,
  );
}
