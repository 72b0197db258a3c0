// The audit log: for each request, once it is known who asks, whether and how much of it is written, and to where: a file, a webhook, or both. A
// sink that cannot be written to is counted and said; in the mode `blocking-strict` it also stops what would go unrecorded.
import { StatusError, statuses } from "@coxswain/apimachinery";
import type { Clock } from "@coxswain/clock";
import type { Component, Logger, Metrics } from "@coxswain/daemon";
import type { AuditMode, AuditPolicy } from "../../core/audit/policy.ts";
import { AuditTrail } from "../../core/audit/trail.ts";
import type { metricTable } from "../../metrics.ts";
import type { Passage } from "../../pipeline.ts";
import { BufferFullError } from "./batches.ts";
import type { LogFile } from "./log-file.ts";

/** Where events go to. */
export interface AuditSink extends LogFile {
  /** As errors are counted under. */
  readonly plugin: "log" | "webhook";
  readonly mode: AuditMode;
}

export interface Auditor extends Component {
  /** Of a request whose sender is known. Undefined: nothing is written. */
  begin(passage: Passage): Promise<AuditTrail | undefined>;
  /** Of a request whose sender could not show who he is. */
  stranger(passage: Passage): Promise<void>;
}

export function createAuditor(
  sinks: readonly AuditSink[],
  ports: {
    /** As the file says it now. */
    readonly policy: () => AuditPolicy;
    readonly clock: Clock;
    readonly log: Logger;
    readonly metrics: Metrics<typeof metricTable>;
  },
): Auditor {
  const { policy, clock, log, metrics } = ports;
  const broken = new Set<AuditSink>();
  const writeTo = async (sink: AuditSink, line: string): Promise<void> => {
    try {
      await sink.write(line);
      broken.delete(sink);
    } catch (err) {
      const plugin = err instanceof BufferFullError ? "buffered" : sink.plugin;
      metrics.auditErrors.inc({ plugin });
      if (!broken.has(sink)) log.error({ err, plugin }, "the audit log cannot be written to");
      broken.add(sink);
      if (sink.mode === "blocking-strict") throw err;
    }
  };
  /** Resolves when all have it that are waited for. */
  const write = async (line: string): Promise<void> => {
    metrics.auditEvents.inc();
    const writing = sinks.map((sink) => ({ sink, done: writeTo(sink, line) }));
    await Promise.all(writing.flatMap(({ sink, done }) => (sink.mode === "batch" ? [] : [done])));
  };
  /** What is told after the answer has gone is nobody's to wait for. */
  const told = (line: string): Promise<void> => write(line).catch(() => undefined);
  const trailOf = (passage: Passage, writeAs: (line: string) => Promise<void>): AuditTrail | undefined => {
    const { request, info, user, auditId } = passage;
    const decision = policy().decide(user, info);
    metrics.auditLevels.inc({ level: decision.level });
    if (decision.level === "None") return undefined;
    const facts = {
      auditId,
      requestUri: request.uri,
      info,
      user,
      sourceIps: sourceIpsOf(passage),
      userAgent: request.header("user-agent") ?? "",
      receivedMs: clock.now(),
    };
    return new AuditTrail(facts, decision, { write: writeAs, now: () => clock.now() });
  };
  return {
    async begin(passage) {
      let isReceived = false;
      const trail = trailOf(passage, (line) => (isReceived ? told(line) : write(line)));
      if (!trail) return undefined;
      try {
        const received = trail.received();
        isReceived = true;
        await received;
      } catch (cause) {
        metrics.auditRejected.inc();
        throw new StatusError(statuses.internalError("failed to store audit event"), { cause });
      }
      return trail;
    },
    async stranger(passage) {
      const { certificate, certificateRejected, bearerToken } = passage.request.credentials;
      const attempted = [
        ...(certificate !== undefined || certificateRejected === true ? ["x509"] : []),
        ...(bearerToken === undefined ? [] : ["bearer"]),
      ];
      const said = attempted.length > 0 ? `attempted: ${attempted.join(", ")}` : "no credentials provided";
      await trailOf(passage, told)?.stranger(`Authentication failed, ${said}`);
    },
    async start(signal) {
      for (const sink of sinks) await sink.start(signal);
    },
    ready: () => [],
    async stop() {
      await Promise.all(sinks.map((sink) => sink.stop()));
    },
  };
}

/** Through which hands the request came, as far as they say so, and the last one as it is. */
function sourceIpsOf({ request }: Passage): readonly string[] {
  const forwarded = (request.header("x-forwarded-for") ?? "")
    .split(",")
    .map((text) => text.trim())
    .filter((text) => text !== "");
  const real = request.header("x-real-ip")?.trim() ?? "";
  const all = [...forwarded];
  if (real !== "" && all[0] !== real) all.push(real);
  const remote = request.remoteAddress.replace(/^::ffff:(?=\d+\.)/, "");
  if (remote !== "" && all.at(-1) !== remote) all.push(remote);
  return all;
}
