// One request from arrival to the last byte: pipeline, then the reply in its form, failures as Status, counts and times.
import type { Clock } from "@coxswain/clock";
import type { Labels, Logger, Metrics } from "@coxswain/daemon";
import { StatusError, statuses } from "@coxswain/apimachinery";
import type { Status } from "@coxswain/apimachinery";
import type { AuditOutcome } from "../../core/audit/trail.ts";
import { isLongRunning } from "../../core/request-info.ts";
import { protobufMediaType } from "../../core/body/protobuf.ts";
import type { Typed } from "../../core/body/protobuf-writer.ts";
import { encodeObject } from "../../core/registry/encoding.ts";
import { readAccept } from "../../core/tables/accept.ts";
import type { Representation } from "../../core/tables/accept.ts";
import { statusOf } from "../../errors.ts";
import type { metricTable } from "../../metrics.ts";
import type { Passage, PipelineParts, Reply, Request } from "../../pipeline.ts";
import { createPassage, pass } from "../../pipeline.ts";
import type { RawRequest } from "./incoming.ts";
import { timeoutOf, withinDeadline } from "./deadline.ts";
import type { FanOut } from "./fan-out.ts";
import { createRequest } from "./incoming.ts";
import { listText } from "./list-form.ts";
import type { RawResponse } from "./outgoing.ts";
import { render, sendBytes, sendList, sendObject, writeHead } from "./outgoing.ts";
import type { Trust } from "./trust.ts";
import type { Tunnel } from "./tunnel.ts";
import { streamWatch } from "./watch-stream.ts";

export interface HandlerPorts {
  readonly parts: PipelineParts;
  readonly tunnel: Tunnel;
  readonly trust: Trust;
  readonly clock: Clock;
  readonly fanOut: FanOut;
  readonly log: Logger;
  readonly metrics: Metrics<typeof metricTable>;
}

const fallback: Representation = {
  as: "object",
  format: "json",
  mediaType: "application/json",
  pretty: false,
  meta: "v1",
};

/** One for all: making one with its stack for each request costs more than some requests do. */
const clientGone = new DOMException("the client has gone", "AbortError");

/** Never rejects: whatever happens becomes an answer, or the end of the connection if the answer has begun. */
export async function handle(raw: RawRequest, response: RawResponse, ports: HandlerPorts): Promise<void> {
  const aborter = new AbortController();
  let answered = false;
  // Every answer ends with a close: telling nobody of it costs as much as telling somebody.
  const abort = (): void => {
    if (!answered) aborter.abort(clientGone);
  };
  response.on("close", abort);
  response.on("error", abort);
  const memory = ports.parts.memory.open(raw.method ?? "");
  const request = createRequest(raw, ports.trust, aborter.signal, memory);
  // A client may give its request a name.
  const auditId = request.header("audit-id")?.slice(0, 64) || ports.parts.random.uuid();
  const passage = createPassage(request, auditId);
  response.setHeader("audit-id", auditId);
  const startedMs = ports.clock.monotonic();
  let outcome: AuditOutcome = { code: 200 };
  try {
    const representation = passage.info.isResourceRequest ? representationFor(request, passage, ports) : fallback;
    if (!isLongRunning(passage.info)) passage.deadlineMs = startedMs + timeoutOf(request.query);
    const reply = await withinDeadline(passage.info, request.query, ports.clock, () => pass(passage, ports.parts));
    outcome = outcomeOf(reply);
    nameFlow(response, passage);
    if (isLongRunning(passage.info)) passage.audit?.started(outcome.code);
    await send(raw, response, passage, reply, representation, aborter.signal, ports);
  } catch (error) {
    outcome = await sendFailure(response, passage, error, ports);
  } finally {
    answered = response.writableEnded;
    passage.isOver = true;
    for (const end of passage.onEnd) end();
    memory.release();
    passage.audit?.completed(outcome);
    count(passage, outcome.code, ports.clock.monotonic() - startedMs, ports);
  }
}

function outcomeOf(reply: Reply): AuditOutcome {
  switch (reply.type) {
    case "object":
      return { code: reply.code, text: () => encodeObject(reply.object).toString() };
    case "encoded":
      return { code: reply.code, text: () => reply.bytes.toString() };
    case "status":
      return { code: reply.code, status: reply.status };
    case "list":
      return { code: 200, text: () => listText(reply) };
    case "document":
      return { code: reply.code };
    case "watch":
    case "tunnel":
      return { code: 200 };
  }
}

/** Streams and proxies speak for themselves; everything else must be something the client takes. */
export function representationFor(request: Request, { info }: Passage, { parts }: HandlerPorts): Representation {
  if (["log", "exec", "attach", "portforward", "proxy"].includes(info.subresource)) return fallback;
  const kind = parts.kinds.find(info.apiGroup, info.apiVersion, info.resource);
  // Other servers know themselves what they can make.
  if (!kind) return fallback;
  return readAccept(request.header("accept"), request.query, request.header("user-agent") ?? "", {
    transforms: !reviewGroups.has(info.apiGroup),
    // What definitions bring has no protobuf.
    protobuf: () => kind.rules.openApi === undefined,
  });
}

/** What is asked in them is answered and never kept: there are no tables of it. */
const reviewGroups: ReadonlySet<string> = new Set(["authentication.k8s.io", "authorization.k8s.io"]);

/** The reply in the client's form; resolves when it is out. Rejects with StatusError before the first byte. */
export async function send(
  raw: RawRequest,
  response: RawResponse,
  passage: Passage,
  reply: Reply,
  representation: Representation,
  signal: AbortSignal,
  ports: HandlerPorts,
): Promise<void> {
  const { request, warnings } = passage;
  const acceptsGzip = /\bgzip\b/.test(request.header("accept-encoding") ?? "");
  const sending = { representation, query: request.query, acceptsGzip, warnings, nowMs: ports.clock.now(), signal };
  switch (reply.type) {
    case "object":
    case "encoded":
    case "status":
      return sendObject(response, reply, sending);
    case "list":
      return sendList(response, reply, sending);
    case "document": {
      if (reply.etag !== undefined && request.header("if-none-match")?.includes(reply.etag.replaceAll('"', ""))) {
        writeHead(response, 304, reply.contentType, { etag: reply.etag }, warnings);
        response.end();
        return;
      }
      const body = typeof reply.body === "string" ? Buffer.from(reply.body) : reply.body;
      return sendBytes(response, reply.code, reply.contentType, body, sending, {
        ...(reply.etag !== undefined && { etag: reply.etag, vary: "Accept" }),
      });
    }
    case "watch": {
      if (representation.format === "yaml")
        throw new StatusError(
          statuses.notAcceptable(["application/json;stream=watch", `${protobufMediaType};stream=watch`]),
        );
      const resource = passage.info.resource;
      ports.metrics.watchers.inc({ verb: "WATCH", resource });
      for (const end of passage.onEnd) end();
      await streamWatch(response, reply.kind, reply.watch, { representation, query: request.query, warnings }, signal, {
        clock: ports.clock,
        fanOut: ports.fanOut,
        onEvents: (events) => ports.metrics.watchEvents.inc({ resource }, events),
        onTooSlow: () => ports.metrics.slowWatchers.inc({ resource }),
      }).finally(() => ports.metrics.watchers.dec({ verb: "WATCH", resource }));
      return;
    }
    case "tunnel":
      return ports.tunnel.serve(reply.request, raw, response, signal);
  }
}

async function sendFailure(
  response: RawResponse,
  passage: Passage,
  error: unknown,
  ports: HandlerPorts,
): Promise<AuditOutcome> {
  const { status, isBug } = statusOf(error);
  if (isBug && !passage.request.signal.aborted) {
    ports.metrics.bugs.inc({ resource: passage.info.resource });
    ports.log.error(
      { err: error, verb: passage.info.verb, path: passage.info.path },
      "a request failed for a reason nobody expected",
    );
  }
  if (response.headersSent || response.writableEnded || passage.request.signal.aborted) {
    response.destroy();
    return { code: status.code, status };
  }
  nameFlow(response, passage);
  const text = render(status as Typed, representationOfFailure(passage.request));
  const retry = status.details?.retryAfterSeconds;
  await sendBytes(
    response,
    status.code,
    representationOfFailure(passage.request).mediaType,
    text,
    { acceptsGzip: false, warnings: passage.warnings },
    {
      // Not where there is nothing to wait for: Go's clients would ask for a refused eviction ten times, a second each.
      ...(retry !== undefined && { "retry-after": String(retry) }),
      // An unread body would be taken for the next request.
      ...(status.code === 413 && passage.request.header("connection") !== undefined && { connection: "close" }),
    },
  );
  return { code: status.code, status };
}

/** Whose rules a request went by: for whoever wonders why it waits, or is refused. */
function nameFlow(response: RawResponse, { flow }: Passage): void {
  if (!flow) return;
  response.setHeader("x-kubernetes-pf-flowschema-uid", flow.schema);
  response.setHeader("x-kubernetes-pf-prioritylevel-uid", flow.level);
}

function representationOfFailure(request: Request): Representation {
  try {
    return readAccept(request.header("accept"), request.query, request.header("user-agent") ?? "");
  } catch (error) {
    if (error instanceof StatusError) return fallback;
    throw error;
  }
}

/** The failure of an upgrade, written on the bare connection. */
export function failureText(status: Status): string {
  const body = `${JSON.stringify(status)}\n`;
  return `HTTP/1.1 ${status.code} ${status.reason ?? "Error"}\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}

function count(passage: Passage, code: number, durationMs: number, ports: HandlerPorts): void {
  const { info, request, refusal } = passage;
  const { metrics } = ports;
  const about = labelsOf(info, request.method, ports);
  metrics.requests.inc({ ...about, dry_run: request.query.get("dryRun") === "All" ? "All" : "", code });
  // What was refused of an old state may have been let pass of the new one.
  if (refusal && code >= 400) metrics.refusals.inc(refusal);
  metrics.authentications.inc({ result: refusal?.stage === "authentication" ? "failure" : "success" });
  if (refusal?.stage !== "authentication")
    metrics.authorizations.inc({ result: refusal?.stage === "authorization" ? "denied" : "allowed" });
  if (info.verb !== "watch") metrics.durations.observe(durationMs / 1000, about);
}

/** Where the verbs of metrics are not those of authorization. */
const metricVerbs: Readonly<Record<string, string>> = {
  create: "POST",
  update: "PUT",
  proxy: "CONNECT",
};
const methods: ReadonlySet<string> = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);
const documents: ReadonlySet<string> = new Set(
  "api apis flagz healthz livez metrics openapi readyz statusz version".split(" "),
);

/** Nothing that a client makes up becomes a label: their number must stay small. */
function labelsOf(info: Passage["info"], method: string, { parts }: HandlerPorts): Labels {
  const { apiGroup, apiVersion, resource, subresource, verb } = info;
  const kind = info.isResourceRequest ? parts.kinds.find(apiGroup, apiVersion, resource) : undefined;
  const first = info.path.split("/", 2)[1] ?? "";
  return {
    verb: kind ? (metricVerbs[verb] ?? verb.toUpperCase()) : methods.has(method) ? method : "other",
    group: kind?.group ?? "",
    version: kind?.version ?? "",
    resource: kind?.resource ?? "",
    subresource: kind ? (kind.info.subresources.includes(subresource) ? subresource : "") : documentOf(first),
    scope: kind ? scopeOf(info) : "",
    component: "apiserver",
  };
}

function documentOf(first: string): string {
  return documents.has(first) ? `/${first}` : "";
}

function scopeOf({ name, verb, namespace }: Passage["info"]): string {
  if (name !== "" || verb === "create") return "resource";
  return namespace === "" ? "cluster" : "namespace";
}
