// Asks other name servers and keeps what they said for a while, as bytes. One question in flight per name and type; the
// servers are asked in the order of the resolver's file, the next when one does not answer.
import { createSocket } from "node:dgram";
import { readFile, stat } from "node:fs/promises";
import { createConnection, isIPv6 } from "node:net";
import { LRUCache } from "./lru.ts";
import type { Clock, Random } from "@coxswain/clock";
import { upstreamServers } from "../core/resolv-conf.ts";
import { aged, wireTimes } from "../core/wire-ttl.ts";
import type { WireTimes } from "../core/wire-ttl.ts";

export interface Upstream {
  /** The answer to this question with its id, or undefined when nobody answers (or nobody is there to ask). */
  ask(query: Buffer, transport: "udp" | "tcp", signal: AbortSignal): Promise<Buffer | undefined>;
}

export interface UpstreamConfig {
  readonly resolvConf: string;
  /** Our own addresses: asking them would be a loop. */
  readonly own: readonly string[];
}

const tryTimeoutMs = 2_000;
const rereadMs = 5_000;
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

export function createUpstream(
  config: UpstreamConfig,
  ports: { readonly clock: Clock; readonly random: Random; readonly onCache: (hit: boolean) => void },
): Upstream {
  const { clock, random } = ports;
  const cache = new LRUCache<string, Kept>(cacheEntries);
  const inFlight = new Map<string, Promise<Buffer | undefined>>();
  const servers = followServers(config, clock);

  const exchange = async (
    query: Buffer,
    transport: "udp" | "tcp",
    signal: AbortSignal,
  ): Promise<Buffer | undefined> => {
    for (const server of await servers()) {
      const id = random.int(65_536);
      const message = withId(query, id);
      const limit = AbortSignal.any([signal, deadline(clock, tryTimeoutMs)]);
      const answer = await (transport === "udp" ? askUdp : askTcp)(server, message, limit).catch(() => undefined);
      if (answer && sameQuestion(answer, message)) return answer;
    }
    return undefined;
  };

  return {
    async ask(query, transport, signal) {
      const key = `${transport} ${query.subarray(2).toString("latin1").toLowerCase()}`;
      const kept = cache.get(key);
      const now = clock.monotonic();
      ports.onCache(kept !== undefined && kept.untilMs > now);
      if (kept && kept.untilMs > now) {
        const answer = Buffer.from(aged(kept.message, kept.times, Math.floor((now - kept.at) / 1000)));
        return withQuestionOf(answer, query, kept.times);
      }
      let asking = inFlight.get(key);
      if (!asking) {
        if (inFlight.size >= mostInFlight) return undefined;
        asking = exchange(query, transport, signal).finally(() => inFlight.delete(key));
        inFlight.set(key, asking);
      }
      const answer = await asking;
      const times = answer && wireTimes(answer);
      if (!answer || !times) return undefined;
      const seconds = keepSeconds(answer, times);
      if (seconds > 0) cache.set(key, { message: answer, times, at: now, untilMs: now + seconds * 1000 });
      return withQuestionOf(answer, query, times);
    },
  };
}

/** The file is looked at again at most every few seconds, when somebody asks. */
function followServers(config: UpstreamConfig, clock: Clock): () => Promise<readonly string[]> {
  let known: readonly string[] = [];
  let stamp = -1;
  let lookedAt = -Infinity;
  return async () => {
    if (clock.monotonic() - lookedAt < rereadMs) return known;
    lookedAt = clock.monotonic();
    const found = await stat(config.resolvConf).catch(() => undefined);
    if (!found) {
      known = [];
      stamp = -1;
    } else if (found.mtimeMs !== stamp) {
      known = upstreamServers(await readFile(config.resolvConf, "utf8"), config.own);
      stamp = found.mtimeMs;
    }
    return known;
  };
}

/** NXDOMAIN and empty answers are negative; failures and truncated answers are not kept at all. */
function keepSeconds(answer: Buffer, times: WireTimes): number {
  const code = answer.readUInt8(3) & 0x0f;
  const truncated = (answer.readUInt8(2) & 0x02) !== 0;
  if (truncated || (code !== 0 && code !== 3) || times.offsets.length === 0) return 0;
  const negative = code === 3 || answer.readUInt16BE(6) === 0;
  return Math.min(times.smallestTtl, negative ? longestNegativeSeconds : longestPositiveSeconds);
}

function askUdp(server: string, message: Buffer, signal: AbortSignal): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = createSocket(isIPv6(server) ? "udp6" : "udp4");
    const finish = (settle: () => void): void => {
      signal.removeEventListener("abort", abort);
      socket.close();
      settle();
    };
    const abort = (): void => finish(() => reject(signal.reason as Error));
    if (signal.aborted) return abort();
    signal.addEventListener("abort", abort, { once: true });
    socket.once("error", (error) => finish(() => reject(error)));
    // A connected socket takes packets from this server only.
    socket.connect(53, server, () => socket.send(message));
    socket.on("message", (answer) => {
      if (answer.length >= 12 && answer.readUInt16BE(0) === message.readUInt16BE(0)) finish(() => resolve(answer));
    });
  });
}

function askTcp(server: string, message: Buffer, signal: AbortSignal): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ host: server, port: 53 });
    let received = Buffer.alloc(0);
    const abort = (): void => void socket.destroy(signal.reason as Error);
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    socket.once("close", () => {
      signal.removeEventListener("abort", abort);
      reject(new Error(`${server} closed the connection before it answered`));
    });
    socket.once("error", reject);
    socket.once("connect", () => socket.write(Buffer.concat([lengthOf(message), message])));
    socket.on("data", (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      if (received.length < 2 || received.length < 2 + received.readUInt16BE(0)) return;
      resolve(received.subarray(2, 2 + received.readUInt16BE(0)));
      socket.destroy();
    });
  });
}

export function lengthOf(message: Buffer): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(message.length);
  return length;
}

function withId(message: Buffer, id: number): Buffer {
  const copy = Buffer.from(message);
  copy.writeUInt16BE(id, 0);
  return copy;
}

/** The asker's own id and spelling: a kept answer may have been asked for with other capitals. */
function withQuestionOf(answer: Buffer, query: Buffer, times: WireTimes): Buffer {
  const copy = Buffer.from(answer);
  query.copy(copy, 0, 0, 2);
  query.copy(copy, 12, 12, times.questionEnd);
  return copy;
}

function sameQuestion(answer: Buffer, query: Buffer): boolean {
  const end = wireTimes(answer)?.questionEnd;
  if (end === undefined || end > query.length) return false;
  return answer.toString("latin1", 12, end).toLowerCase() === query.toString("latin1", 12, end).toLowerCase();
}

function deadline(clock: Clock, ms: number): AbortSignal {
  const aborter = new AbortController();
  clock.setTimeout(() => aborter.abort(new DOMException("no answer in time", "TimeoutError")), ms);
  return aborter.signal;
}
