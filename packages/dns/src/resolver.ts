// From one message to its answer: the only place where the zone and the upstream meet. Reads the view, asks upstream for
// what is not the cluster's, follows an alias out of the zone, and never throws for a bad message.
import type { Clock, Random } from "@coxswain/clock";
import type { Metrics } from "@coxswain/daemon";
import type { Answer, Record } from "./core/answer.ts";
import { answer } from "./core/zone.ts";
import type { ClusterView, ZoneConfig } from "./core/zone.ts";
import { encodeError, encodeReply, parseQuery } from "./io/message.ts";
import type { Query, Reply } from "./io/message.ts";
import type { Handler } from "./io/server.ts";
import type { Upstream } from "./io/upstream.ts";
import { decodeRecords, encodeQuestion } from "./io/follow.ts";
import type { dnsMetrics } from "./metrics.ts";

export interface ResolverPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly metrics: Metrics<typeof dnsMetrics>;
  readonly upstream: Upstream;
  readonly view: ClusterView;
  /** Whether the view has ever been filled; before, questions about the zone fail rather than deny. */
  readonly known: () => boolean;
}

/** How long askers may keep the cluster's answers; CoreDNS' default. */
const ttlSeconds = 5;
const mostAliases = 8;

export function createResolver(config: ZoneConfig, ports: ResolverPorts, signal: AbortSignal): Handler {
  const { clock, metrics, upstream } = ports;

  return async (message, transport) => {
    const startedAt = clock.monotonic();
    const parsed = parseQuery(message);
    if (parsed.kind === "noise") return undefined;
    if (parsed.kind === "wrong") {
      metrics.responses.inc({ rcode: parsed.code });
      return encodeError(parsed.id, parsed.code);
    }
    const { query } = parsed;
    const bytes = await resolve(query, message, transport);
    metrics.requests.inc({ proto: transport, type: query.question.type });
    metrics.responses.inc({ rcode: codeOf(bytes) });
    metrics.duration.observe((clock.monotonic() - startedAt) / 1000);
    return bytes;
  };

  async function resolve(query: Query, message: Buffer, transport: "udp" | "tcp"): Promise<Buffer> {
    const outcome = answer(query.question, ports.view, config);
    if (outcome.kind === "not-ours") {
      return (await upstream.ask(message, transport, signal)) ?? encodeReply(query, failure, transport);
    }
    if (!ports.known()) return encodeReply(query, failure, transport);
    const reply = outcome.kind === "alias" ? await followAlias(query, outcome, []) : replyOf(outcome);
    return encodeReply(query, reply, transport);
  }

  /** The alias itself, and what its target leads to, inside or outside of the cluster. */
  async function followAlias(
    query: Query,
    alias: Answer & { readonly kind: "alias" },
    before: readonly Record[],
  ): Promise<Reply> {
    const records = [...before, alias.record];
    const found = (more: readonly Record[]): Reply => ({ ...positive, answers: [...records, ...more] });
    if (query.question.type === "CNAME" || records.length > mostAliases) return found([]);
    const next = answer({ name: alias.target, type: query.question.type }, ports.view, config);
    switch (next.kind) {
      case "alias":
        return followAlias(query, next, records);
      case "found":
        return found(next.records);
      case "no-data":
      case "no-such-name":
        return found([]);
      case "not-ours": {
        const bytes = await upstream.ask(encodeQuestion(alias.target, query.asked.type), "tcp", signal);
        return found(bytes ? decodeRecords(bytes) : []);
      }
    }
  }

  function replyOf(outcome: Exclude<Answer, { kind: "alias" | "not-ours" }>): Reply {
    switch (outcome.kind) {
      case "found":
        return { ...positive, answers: rotated(outcome.records, ports.random), additional: outcome.additional };
      case "no-data":
        return { ...negative, code: "NOERROR", soa: soa() };
      case "no-such-name":
        return { ...negative, code: "NXDOMAIN", soa: soa() };
    }
  }

  function soa(): { domain: string; serial: number } {
    return { domain: config.domain, serial: Math.floor(clock.now() / 1000) };
  }
}

const positive = {
  code: "NOERROR",
  authoritative: true,
  answers: [],
  additional: [],
  soa: undefined,
  ttlSeconds,
} satisfies Reply;
const negative = { authoritative: true, answers: [], additional: [], ttlSeconds } as const;
const failure: Reply = {
  code: "SERVFAIL",
  authoritative: false,
  answers: [],
  additional: [],
  soa: undefined,
  ttlSeconds,
};

/** Askers mostly take the first address: each gets another first one. */
function rotated(records: readonly Record[], random: Random): readonly Record[] {
  if (records.length < 2) return records;
  const start = random.int(records.length);
  return [...records.slice(start), ...records.slice(0, start)];
}

const codeNames = ["NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"];

function codeOf(bytes: Buffer): string {
  return codeNames[bytes.readUInt8(3) & 0x0f] ?? "OTHER";
}
