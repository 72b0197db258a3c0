// Walks the first packet of a connection through rules, as the kernel would: which verdict, which destination, which
// source. Rules are executed here, not only compared (after the packet-flow tests of kube-proxy). It models what our
// vocabulary needs: no fragments, no established connections, one machine.
//
//   from outside or a pod:  nat PREROUTING → filter INPUT (address is local) or FORWARD → nat POSTROUTING
//   from the machine:       nat OUTPUT → filter OUTPUT → nat POSTROUTING
import { isLocalAddress, within } from "./addresses.ts";
import { parseTables } from "./parse-rule.ts";
import type { ParsedRule, ParsedTables, ParsedTest } from "./parse-rule.ts";

export interface Packet {
  readonly source: string;
  readonly destination: string;
  readonly protocol: "tcp" | "udp" | "sctp";
  readonly port: number;
  /** Left out, the packet begins on the machine itself. */
  readonly inInterface?: string;
}

export interface World {
  /** Addresses of the machine; 127.0.0.0/8 always is. */
  readonly localAddresses: readonly string[];
  /** Uniform in [0, 1); decides `statistic`. Left out, 0: every chance is taken. */
  readonly random?: () => number;
  /** Wall time in seconds, and who was seen when, by list: kept from packet to packet by passing the same map. */
  readonly nowSeconds?: number;
  readonly recent?: Map<string, Map<string, number>>;
  /** The kernel's own balancer, which stands behind the machine's input and output: where it leads the packet; undefined: past it. */
  readonly balance?: (packet: Packet) => { readonly address: string; readonly port: number } | "reject" | undefined;
}

export interface Verdict {
  readonly verdict: "accept" | "drop" | "reject";
  readonly destination: string;
  readonly port: number;
  readonly masqueraded: boolean;
  /** The chains that were entered, in order. */
  readonly path: readonly string[];
}

interface Walk {
  readonly tables: ParsedTables;
  readonly world: World;
  readonly packet: Packet;
  readonly path: string[];
  destination: string;
  port: number;
  mark: number;
  masqueraded: boolean;
}

let latest: { readonly text: string; readonly tables: ParsedTables } | undefined;

/** Thousands of packets are walked through one text. */
function parsed(text: string): ParsedTables {
  if (latest?.text !== text) latest = { text, tables: parseTables(text) };
  return latest.tables;
}

type Outcome = "continue" | "accept" | "drop" | "reject" | "return";

/** `rules` is text as `iptables-save` or `renderRuleset` give it; kernel chains accept what nobody else decides. */
export function walkPacket(rules: string, packet: Packet, world: World): Verdict {
  const walk: Walk = {
    tables: parsed(rules),
    world,
    packet,
    path: [],
    destination: packet.destination,
    port: packet.port,
    mark: 0,
    masqueraded: false,
  };
  const verdict = pass(walk);
  return { verdict, destination: walk.destination, port: walk.port, masqueraded: walk.masqueraded, path: walk.path };
}

function pass(walk: Walk): Verdict["verdict"] {
  const local = walk.packet.inInterface === undefined;
  runHook(walk, "nat", local ? "OUTPUT" : "PREROUTING");
  const hook = local ? "OUTPUT" : isLocalAddress(walk.world, walk.destination) ? "INPUT" : "FORWARD";
  const verdict = runHook(walk, "filter", hook);
  if (verdict !== "accept") return verdict;
  if (hook !== "INPUT") runHook(walk, "nat", "POSTROUTING");
  return "accept";
}

function runHook(walk: Walk, table: string, hook: string): Verdict["verdict"] {
  const outcome = runChain(walk, table, hook, 0);
  return outcome === "drop" || outcome === "reject" ? outcome : "accept";
}

function runChain(walk: Walk, table: string, chain: string, depth: number): Outcome {
  if (depth > 32) throw new Error(`chains call each other without end: ${walk.path.join(" → ")}`);
  const rules = walk.tables.get(table)?.get(chain);
  if (!rules) {
    if (depth > 0) throw new Error(`chain ${chain} does not exist in table ${table}`);
    return "continue";
  }
  if (depth > 0) walk.path.push(chain);
  for (const rule of rules) {
    if (!matches(walk, rule)) continue;
    const outcome = applyTarget(walk, table, rule, depth);
    if (outcome === "return") return "continue";
    if (outcome !== "continue") return outcome;
  }
  return "continue";
}

function applyTarget(walk: Walk, table: string, rule: ParsedRule, depth: number): Outcome {
  switch (rule.target) {
    case undefined:
      return "continue";
    case "ACCEPT":
      return "accept";
    case "DROP":
      return "drop";
    case "REJECT":
      return "reject";
    case "RETURN":
      return "return";
    case "MARK": {
      const [value = 0, mask = 0] = (rule.options["--set-xmark"] ?? "").split("/").map(Number);
      walk.mark = ((walk.mark & ~mask) ^ value) >>> 0;
      return "continue";
    }
    case "MASQUERADE":
      walk.masqueraded = true;
      return "accept";
    case "REDIRECT":
      walk.destination = walk.packet.inInterface === undefined ? "127.0.0.1" : (walk.world.localAddresses[0] ?? "");
      walk.port = Number(rule.options["--to-ports"]);
      return "accept";
    case "DNAT": {
      const [, six, four, port] =
        /^(?:\[(.+)\]|([^:]+))(?::(\d+))?$/.exec(rule.options["--to-destination"] ?? "") ?? [];
      walk.destination = six ?? four ?? "";
      if (port !== undefined) walk.port = Number(port);
      return "accept";
    }
    default:
      return runChain(walk, table, rule.target, depth + 1);
  }
}

/** All tests in order; `--set` remembers only if everything before it held. */
function matches(walk: Walk, rule: ParsedRule): boolean {
  return rule.tests.every((test) => holds(walk, rule, test) !== test.not);
}

function holds(walk: Walk, rule: ParsedRule, { option, value }: ParsedTest): boolean {
  const { packet, world } = walk;
  switch (option) {
    case "-s":
      return within(packet.source, value);
    case "-d":
      return within(walk.destination, value);
    case "-i":
      return sameInterface(packet.inInterface ?? "", value);
    case "-o":
      throw new Error("the walker knows no outgoing interfaces");
    case "-p":
      return packet.protocol === value;
    case "--dport": {
      const [from = 0, to = from] = value.split(":").map(Number);
      return walk.port >= from && walk.port <= to;
    }
    case "--ctstate":
      return value.split(",").includes("NEW");
    case "--mark": {
      const [wanted = 0, mask = 0xffffffff] = value.split("/").map(Number);
      return (walk.mark & mask) >>> 0 === wanted;
    }
    case "--src-type":
      return isLocalAddress(world, packet.source);
    case "--dst-type":
      return isLocalAddress(walk.world, walk.destination);
    case "--probability":
      return (world.random?.() ?? 0) < Number(value);
    case "--rcheck": {
      const seen = listOf(walk, rule).get(packet.source);
      const seconds = Number(rule.tests.find((test) => test.option === "--seconds")?.value);
      return seen !== undefined && (world.nowSeconds ?? 0) - seen <= seconds;
    }
    case "--set":
      listOf(walk, rule).set(packet.source, world.nowSeconds ?? 0);
      return true;
    case "--comment":
    case "--seconds":
    case "--name":
    case "--reap":
    case "--rsource":
      return true;
    default:
      throw new Error(`the walker does not know ${option}`);
  }
}

function listOf(walk: Walk, rule: ParsedRule): Map<string, number> {
  const name = rule.tests.find((test) => test.option === "--name")?.value ?? "";
  const lists = walk.world.recent ?? new Map<string, Map<string, number>>();
  const list = lists.get(name) ?? new Map<string, number>();
  lists.set(name, list);
  return list;
}

function sameInterface(name: string, pattern: string): boolean {
  return pattern.endsWith("+") ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
}
