// Asks other name servers and keeps what they said for a while, as bytes. One question in flight per name and type, in a
// form of our own: askers' cookies and other options stay here.
import type { Clock, Random } from "@coxswain/clock";
import type { Record } from "../core/answer.ts";
import { wireRecords } from "../core/wire-records.ts";
import { aged, wireTimes } from "../core/wire-ttl.ts";
import type { WireTimes } from "../core/wire-ttl.ts";
import { exchange } from "./exchange.ts";
import { LRUCache } from "./lru.ts";
import { headerBytes, ourPayloadBytes, parseQuery, plainPayloadBytes, typeNumbers } from "./query.ts";
import type { Query } from "./query.ts";
import { plainQuestion } from "./servers.ts";
import type { Servers } from "./servers.ts";

export interface Upstream {
  /** The answer as this asker takes it, or undefined when nobody answers (or nobody is there to ask). */
  ask(query: Query, transport: "udp" | "tcp", signal: AbortSignal): Promise<Buffer | undefined>;
  /** What a name leads to: addresses and the aliases on the way; undefined as above. */
  lookUp(name: string, type: "A" | "AAAA", signal: AbortSignal): Promise<Finding | undefined>;
  /** Whether the question is one of our own that came back. */
  isOwnQuestion(name: string): boolean;
}

export interface Finding {
  readonly exists: boolean;
  readonly records: readonly Record[];
}

export interface UpstreamPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly servers: Servers;
  readonly onCache: (outcome: "success" | "denial" | "miss", entries: number) => void;
  readonly onAnswer: (server: string, code: number | undefined, seconds: number) => void;
  readonly onReject: () => void;
}

const tryTimeoutMs = 2_000;
/** Longest time an answer is kept, in seconds; positive and negative. */
const longestPositiveSeconds = 30;
const longestNegativeSeconds = 5;
const cacheEntries = 5_000;
/** More questions at a time than this are answered with SERVFAIL at once. */
const mostInFlight = 1_000;

interface Kept {
  readonly message: Buffer;
  readonly times: WireTimes;
  readonly at: number;
  readonly untilMs: number;
}

export function createUpstream(ports: UpstreamPorts): Upstream {
  const { clock, random, servers } = ports;
  const cache = new LRUCache<string, Kept>(cacheEntries);
  const inFlight = new Map<string, Promise<Kept | undefined>>();

  const askServers = async (query: Query, signal: AbortSignal): Promise<Buffer | undefined> => {
    for (const server of await servers.order(signal)) {
      const startedAt = clock.monotonic();
      const limit = new AbortController();
      const timer = clock.setTimeout(
        () => limit.abort(new DOMException("no answer in time", "TimeoutError")),
        tryTimeoutMs,
      );
      const answer = await exchange(
        server,
        questionOf(query, random.int(65_536)),
        AbortSignal.any([signal, limit.signal]),
      )
        .catch(() => undefined)
        .finally(() => timer.cancel());
      ports.onAnswer(server.address, answer && codeOf(answer), (clock.monotonic() - startedAt) / 1000);
      servers.report(server, answer !== undefined, signal);
      if (answer) return answer;
    }
    return undefined;
  };
  const fetch = async (key: string, query: Query, signal: AbortSignal): Promise<Kept | undefined> => {
    const message = await askServers(query, signal);
    const times = message && wireTimes(message);
    if (!message || !times) return undefined;
    const at = clock.monotonic();
    const kept = { message, times, at, untilMs: at + keepSeconds(message, times) * 1000 };
    if (kept.untilMs > at) cache.set(key, kept);
    return kept;
  };
  /** From the cache, from a question that is on its way, or from a server. */
  const obtain = async (query: Query, signal: AbortSignal): Promise<Kept | undefined> => {
    const key = keyOf(query);
    const kept = cache.get(key);
    if (kept && kept.untilMs > clock.monotonic()) {
      ports.onCache(isNegative(kept.message) ? "denial" : "success", cache.size);
      return kept;
    }
    ports.onCache("miss", cache.size);
    let asking = inFlight.get(key);
    if (!asking) {
      if (inFlight.size >= mostInFlight) {
        ports.onReject();
        return undefined;
      }
      asking = fetch(key, query, signal).finally(() => inFlight.delete(key));
      inFlight.set(key, asking);
    }
    return asking;
  };

  return {
    isOwnQuestion: (name) => servers.isOwnQuestion(name),
    async ask(query, transport, signal) {
      const kept = await obtain(query, signal);
      if (!kept) return undefined;
      const seconds = Math.floor((clock.monotonic() - kept.at) / 1000);
      return forAsker(Buffer.from(aged(kept.message, kept.times, seconds).buffer), kept.times, query, transport);
    },
    async lookUp(name, type, signal) {
      const parsed = parseQuery(plainQuestion(name, typeNumbers[type], 0));
      if (parsed.kind !== "query") return { exists: false, records: [] };
      const kept = await obtain(parsed.query, signal);
      const records = kept && wireRecords(kept.message);
      const code = kept && codeOf(kept.message);
      return records && (code === 0 || code === 3) ? { exists: code === 0, records } : undefined;
    },
  };
}

function codeOf(message: Buffer): number {
  return message.readUInt8(3) & 0x0f;
}

/** NXDOMAIN, and answers without a record. */
function isNegative(message: Buffer): boolean {
  return codeOf(message) === 3 || message.readUInt16BE(6) === 0;
}

/** Failures and truncated answers are not kept at all. */
function keepSeconds(message: Buffer, times: WireTimes): number {
  const code = codeOf(message);
  const truncated = (message.readUInt8(2) & 0x02) !== 0;
  if (truncated || (code !== 0 && code !== 3) || times.offsets.length === 0) return 0;
  return Math.min(times.smallestTtl, isNegative(message) ? longestNegativeSeconds : longestPositiveSeconds);
}

/** Everything that makes the question's answer another one; not its spelling. */
function keyOf({ question, asked, recursionDesired, checkingDisabled, edns }: Query): string {
  const extensions = edns ? (edns.dnssecOk ? 2 : 1) : 0;
  return `${question.name} ${asked.readUInt32BE(asked.length - 4)} ${Number(recursionDesired)}${Number(checkingDisabled)}${extensions}`;
}

function questionOf({ asked, recursionDesired, checkingDisabled, edns }: Query, id: number): Buffer {
  const head = Buffer.alloc(headerBytes);
  head.writeUInt16BE(id, 0);
  head[2] = recursionDesired ? 0x01 : 0;
  head[3] = checkingDisabled ? 0x10 : 0;
  head.writeUInt16BE(1, 4);
  if (!edns) return Buffer.concat([head, asked]);
  head.writeUInt16BE(1, 10);
  const opt = Buffer.alloc(11);
  opt.writeUInt16BE(typeNumbers.OPT, 1);
  opt.writeUInt16BE(ourPayloadBytes, 3);
  opt[7] = edns.dnssecOk ? 0x80 : 0;
  return Buffer.concat([head, asked, opt]);
}

/** The asker's own id and spelling, and no more by UDP than it takes. */
function forAsker(answer: Buffer, times: WireTimes, query: Query, transport: "udp" | "tcp"): Buffer {
  answer.writeUInt16BE(query.id, 0);
  query.asked.copy(answer, headerBytes);
  if (transport === "tcp" || answer.length <= (query.edns?.payloadBytes ?? plainPayloadBytes)) return answer;
  const marked = answer.subarray(0, times.questionEnd);
  marked[2] = marked.readUInt8(2) | 0x02;
  marked.fill(0, 6, headerBytes);
  return marked;
}
