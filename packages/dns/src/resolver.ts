// From one message to its answer: the only place where the zone and the upstream meet. Reads the view, asks upstream for
// what is not the cluster's, follows an alias out of the zone, and never throws for a bad message. What the cluster knows
// is answered at once, without a promise.
import type { Clock, Random } from "@coxswain/clock";
import type { Metrics } from "@coxswain/daemon";
import type { Answer, Record } from "./core/answer.ts";
import { searchCandidates } from "./core/search.ts";
import { answer } from "./core/zone.ts";
import type { ClusterView, ZoneConfig } from "./core/zone.ts";
import { parseQuery } from "./io/query.ts";
import type { Query } from "./io/query.ts";
import { encodeError, encodeReply } from "./io/reply.ts";
import type { Reply } from "./io/reply.ts";
import type { Handler } from "./io/server.ts";
import type { Upstream } from "./io/upstream.ts";
import { dnsLabels, responseCodeName } from "./metrics.ts";
import type { dnsMetrics } from "./metrics.ts";

export interface ResolverConfig extends ZoneConfig {
  /** Whether a name that does not exist with a search suffix is answered as what it stands for without. */
  readonly answersSearchList: boolean;
}

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

type Transport = "udp" | "tcp";

export function createResolver(config: ResolverConfig, ports: ResolverPorts, signal: AbortSignal): Handler {
  const { clock, metrics, upstream } = ports;

  return (message, transport, family) => {
    const startedAt = clock.monotonic();
    const parsed = parseQuery(message);
    if (parsed.kind === "noise") return undefined;
    const labels = dnsLabels(config.domain);
    const done = (bytes: Buffer, type: string, zone: string): Buffer => {
      metrics.requests.inc({ ...labels.server, zone, proto: transport, family, type });
      metrics.responses.inc({ ...labels.server, zone, rcode: codeOf(bytes) });
      metrics.duration.observe((clock.monotonic() - startedAt) / 1000, { ...labels.server, zone });
      return bytes;
    };
    if (parsed.kind === "wrong") return done(encodeError(parsed.id, parsed.code), "other", ".");
    const { query } = parsed;
    const type = query.question.type === "OTHER" ? "other" : query.question.type;
    const outcome = answer(query.question, ports.view, config);
    const zone = outcome.kind === "not-ours" ? "." : labels.zone;
    const bytes = resolve(query, outcome, transport);
    return bytes instanceof Promise ? bytes.then((late) => done(late, type, zone)) : done(bytes, type, zone);
  };

  function resolve(query: Query, outcome: Answer, transport: Transport): Buffer | Promise<Buffer> {
    if (outcome.kind === "not-ours") {
      if (upstream.isOwnQuestion(query.question.name)) return encodeReply(query, refusal, transport);
      return forward(query, transport);
    }
    if (!ports.known()) return encodeReply(query, failure, transport);
    if (outcome.kind === "alias")
      return followAlias(query, outcome, []).then((reply) => encodeReply(query, reply, transport));
    if (outcome.kind === "no-such-name" && config.answersSearchList) {
      const { type } = query.question;
      const candidates = searchCandidates(query.question, config.domain, (name) => ports.view.hasNamespace(name));
      if (candidates.length > 0 && (type === "A" || type === "AAAA"))
        return search(query, type, candidates).then((reply) => encodeReply(query, reply, transport));
    }
    return encodeReply(query, replyOf(outcome), transport);
  }

  async function forward(query: Query, transport: Transport): Promise<Buffer> {
    return (await upstream.ask(query, transport, signal)) ?? encodeReply(query, failure, transport);
  }

  /** The alias itself, and what its target leads to, inside or outside of the cluster. */
  async function followAlias(
    query: Query,
    alias: Answer & { readonly kind: "alias" },
    before: readonly Record[],
  ): Promise<Reply> {
    const records = [...before, alias.record];
    const { type } = query.question;
    const found = (more: readonly Record[]): Reply => ({ ...positive, answers: [...records, ...more] });
    if (type === "CNAME" || records.length > mostAliases) return found([]);
    const next = answer({ name: alias.target, type }, ports.view, config);
    switch (next.kind) {
      case "alias":
        return followAlias(query, next, records);
      case "found":
        return found(next.records);
      case "no-data":
      case "no-such-name":
      case "authority":
        return found([]);
      case "not-ours": {
        if (type !== "A" && type !== "AAAA") return found([]);
        const finding = await upstream.lookUp(alias.target, type, signal);
        return finding ? found(finding.records) : failure;
      }
    }
  }

  /** The first of the names that exists, as an alias of the one that was asked for. */
  async function search(query: Query, type: "A" | "AAAA", candidates: readonly string[]): Promise<Reply> {
    const as = (name: string, records: readonly Record[]): Reply =>
      records.length === 0
        ? replyOf({ kind: "no-data" })
        : { ...positive, answers: [{ type: "CNAME", name: query.question.name, data: name }, ...records] };
    for (const name of candidates) {
      const outcome = answer({ name, type }, ports.view, config);
      switch (outcome.kind) {
        case "found":
          return as(name, outcome.records);
        case "alias": {
          const reply = await followAlias(query, outcome, []);
          return reply.code === "NOERROR" ? as(name, reply.answers) : reply;
        }
        case "no-data":
        case "authority":
          return replyOf({ kind: "no-data" });
        case "no-such-name":
          break;
        case "not-ours": {
          const finding = await upstream.lookUp(name, type, signal);
          if (!finding) return failure;
          if (finding.exists) return as(name, finding.records);
        }
      }
    }
    return replyOf({ kind: "no-such-name" });
  }

  function replyOf(outcome: Exclude<Answer, { kind: "alias" | "not-ours" }>): Reply {
    const soa = { domain: config.domain, serial: Math.floor(clock.now() / 1000) };
    switch (outcome.kind) {
      case "found":
        return { ...positive, answers: rotated(outcome.records, ports.random), additional: outcome.additional };
      case "authority":
        return { ...positive, soa: { ...soa, section: "answer" } };
      case "no-data":
        return { ...positive, soa: { ...soa, section: "authority" } };
      case "no-such-name":
        return { ...positive, code: "NXDOMAIN", soa: { ...soa, section: "authority" } };
    }
  }
}

const positive: Reply = {
  code: "NOERROR",
  authoritative: true,
  answers: [],
  additional: [],
  soa: undefined,
  ttlSeconds,
};
const failure: Reply = { ...positive, code: "SERVFAIL", authoritative: false };
const refusal: Reply = { ...failure, code: "REFUSED" };

/** Askers mostly take the first address: each gets another first one. */
function rotated(records: readonly Record[], random: Random): readonly Record[] {
  if (records.length < 2) return records;
  const start = Math.floor(random.next() * records.length);
  return [...records.slice(start), ...records.slice(0, start)];
}

function codeOf(bytes: Buffer): string {
  return responseCodeName(bytes.readUInt8(3) & 0x0f);
}
