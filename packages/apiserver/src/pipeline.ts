// The stages of a request, as one ordered list: the same order as kube-apiserver's handler chain. Each either goes on or
// throws a StatusError. The last one hands over to a verb, and each writing verb goes through the rest of the list in this
// order (see `verbs/create.ts` and `verbs/update.ts`):
//
//   decode → patch or create → default → mutating admission → prepare → validate → validating admission → store → encode
//
// It knows no HTTP: `io/http` makes a Request of what arrives and writes the Reply.
import { StatusError, statuses } from "@coxswain/apimachinery";
import { isAvailable } from "./core/aggregation/api-services.ts";
import type { AuditTrail } from "./core/audit/trail.ts";
import { forbidden } from "./core/authz/forbidden.ts";
import { impersonate as impersonateAs } from "./core/authn/impersonation.ts";
import { requestAttributes } from "./core/authz/request-attributes.ts";
import { isLongRunning, readRequestInfo } from "./core/request-info.ts";
import type { Authenticator, Authorizer, Credentials, RequestInfo, UserInfo } from "./core/request.ts";
import type { Aggregation } from "./io/aggregation/aggregation.ts";
import type { Auditor } from "./io/audit/auditor.ts";
import type { ComponentStatuses } from "./io/component-statuses.ts";
import type { FlowMatch, FlowSchemas } from "./io/flow-schemas/flow-schemas.ts";
import type { MetricsApi } from "./io/metrics-api/metrics-api.ts";
import type { TunnelRequest } from "./io/http/tunnel.ts";
import type { Answer, Parts } from "./verbs/parts.ts";
import type { Documents } from "./documents.ts";
import type { MemoryBudget, MemoryShare } from "./memory-budget.ts";
import { dispatch } from "./verbs/dispatch.ts";

export interface Request {
  readonly method: string;
  readonly path: string;
  /** Path and query as they came. */
  readonly uri: string;
  /** Who holds the other end of the connection. */
  readonly remoteAddress: string;
  readonly query: URLSearchParams;
  header(name: string): string | undefined;
  /** Those whose lower-case names begin so, in the order in which they came, repeated ones apart. */
  headersOf(prefix: string): readonly (readonly [name: string, value: string])[];
  readonly credentials: Credentials;
  readonly body: () => Promise<Buffer>;
  /** Aborted when the client goes away. */
  readonly signal: AbortSignal;
  /** The request's share of the memory budget. */
  readonly memory: MemoryShare;
}

export type Reply =
  | Answer
  | {
      readonly type: "document";
      readonly code: number;
      readonly contentType: string;
      readonly body: string | Buffer;
      readonly etag?: string;
      readonly warning?: string;
    }
  | { readonly type: "tunnel"; readonly request: TunnelRequest };

/** A request on its way through the stages. */
export interface Passage {
  readonly request: Request;
  /** The name of the request in logs on both sides. */
  readonly auditId: string;
  readonly warnings: Set<string>;
  info: RequestInfo;
  user: UserInfo;
  reply: Reply | undefined;
  /** The stage that said no, and to what: for counting, so both are of a few words. */
  refusal: { readonly stage: "authentication" | "authorization" | "admission"; readonly reason: string } | undefined;
  /** The flow schema and priority level it belongs to, once that is known. */
  flow: FlowMatch | undefined;
  /** When it must have been answered, by the monotonic clock; undefined: any time. */
  deadlineMs: number | undefined;
  /** What is told of it in the audit log; undefined: nothing. */
  audit: AuditTrail | undefined;
  /** The reply has been sent or has failed. */
  isOver: boolean;
  /** Called then. */
  readonly onEnd: (() => void)[];
}

export interface PipelineParts extends Parts {
  readonly authenticator: Authenticator;
  readonly authorizer: Authorizer;
  readonly documents: Documents;
  /** Left out: no other servers are asked. */
  readonly aggregation?: Pick<Aggregation, "find">;
  /** Left out: there is no metrics API. */
  readonly metricsApi?: Pick<MetricsApi, "serves" | "answer">;
  /** Left out: there is no audit log. */
  readonly audit?: Pick<Auditor, "begin" | "stranger">;
  readonly flow: FlowControl;
  /** Left out: answers do not say whose rules they went by. */
  readonly flowSchemas?: Pick<FlowSchemas, "classify">;
  /** Left out: there are none. */
  readonly components?: ComponentStatuses;
  readonly memory: MemoryBudget;
}

export interface Entrant {
  readonly info: RequestInfo;
  readonly user: UserInfo;
  readonly flow: FlowMatch | undefined;
  readonly query: URLSearchParams;
  /** Aborted when the client goes away. */
  readonly signal: AbortSignal;
}

/** Admits requests up to limits; throws 429, at once or after a while. Answers what to call when the request is over, once or more often. */
export interface FlowControl {
  enter(entrant: Entrant): (() => void) | Promise<() => void>;
}

interface Stage {
  readonly name: string;
  readonly run: (passage: Passage, parts: PipelineParts) => void | Promise<void>;
}

export const stages: readonly Stage[] = [
  { name: "read request info", run: readInfo },
  { name: "authenticate", run: authenticate },
  { name: "audit", run: beginAudit },
  { name: "impersonate", run: impersonate },
  { name: "flow control", run: enterFlow },
  { name: "authorize", run: authorize },
  { name: "serve", run: serve },
];

const nobody: UserInfo = { username: "", groups: [] };

/** Runs all stages; the passage tells what was found out on the way, also when a stage throws. */
export function createPassage(request: Request, auditId = ""): Passage {
  return {
    request,
    auditId,
    warnings: new Set(),
    info: readRequestInfo(request.method, request.path, request.query),
    user: nobody,
    reply: undefined,
    refusal: undefined,
    flow: undefined,
    deadlineMs: undefined,
    audit: undefined,
    isOver: false,
    onEnd: [],
  };
}

export async function pass(passage: Passage, parts: PipelineParts): Promise<Reply> {
  for (const stage of stages) {
    const running = stage.run(passage, parts);
    // Most stages have nothing to wait for, and each wait is a turn of its own.
    if (running) await running;
  }
  if (!passage.reply) throw new Error("the last stage gave no reply");
  return passage.reply;
}

function readInfo(passage: Passage): void {
  if (passage.info.verb === "") throw new StatusError(statuses.methodNotAllowed());
}

async function authenticate(passage: Passage, { authenticator, audit }: PipelineParts): Promise<void> {
  const { credentials, signal } = passage.request;
  const outcome = await authenticator.authenticate(credentials, signal);
  if (outcome.kind === "unauthorized") {
    passage.refusal = { stage: "authentication", reason: outcome.what };
    await audit?.stranger(passage);
    throw new StatusError(statuses.unauthorized());
  }
  passage.user = outcome.user;
}

async function beginAudit(passage: Passage, { audit }: PipelineParts): Promise<void> {
  if (audit) passage.audit = await audit.begin(passage);
}

function impersonate(passage: Passage, { authorizer }: PipelineParts): void {
  const asked = passage.request.headersOf("impersonate-");
  if (asked.length === 0) return;
  const outcome = impersonateAs(passage.user, asked, authorizer);
  switch (outcome.kind) {
    case "none":
      return;
    case "user":
      passage.user = outcome.user;
      passage.audit?.impersonated(outcome.user);
      return;
    case "forbidden":
      passage.refusal = { stage: "authorization", reason: "impersonation" };
      throw forbidden(outcome.attributes, outcome.reason);
    case "malformed":
      throw new StatusError({ ...statuses.internalError(outcome.message) });
  }
}

async function enterFlow(passage: Passage, { flow, flowSchemas }: PipelineParts): Promise<void> {
  const { info, user, request } = passage;
  // Streams and proxies are nobody's flow; a watch is, for as long as it begins.
  if (info.verb === "watch" || !isLongRunning(info)) passage.flow = flowSchemas?.classify(info, user);
  const { query, signal } = request;
  const leave = await flow.enter({ info, user, flow: passage.flow, query, signal });
  // It may have waited for so long that its client was told so meanwhile.
  if (passage.isOver) leave();
  else passage.onEnd.push(leave);
}

function authorize(passage: Passage, { authorizer }: PipelineParts): void {
  const { info, user, request } = passage;
  const attributes = requestAttributes(user, info, request.query);
  const verdict = authorizer.authorize(attributes);
  passage.audit?.annotate("authorization.k8s.io/decision", verdict.decision === "allow" ? "allow" : "forbid");
  passage.audit?.annotate("authorization.k8s.io/reason", verdict.reason);
  if (verdict.decision === "allow") return;
  passage.refusal = { stage: "authorization", reason: attributes.verb };
  throw forbidden(attributes, verdict.reason);
}

async function serve(passage: Passage, parts: PipelineParts): Promise<void> {
  const { info, request, user } = passage;
  const elsewhere = parts.aggregation?.find(info.path);
  if (elsewhere) {
    passage.reply = isAvailable(elsewhere)
      ? { type: "tunnel", request: { info, user, query: request.query, object: elsewhere } }
      : { type: "document", code: 503, contentType: "text/plain; charset=utf-8", body: "service unavailable\n" };
    return;
  }
  if (parts.metricsApi?.serves(info)) {
    const body = await parts.metricsApi.answer(info, request);
    passage.reply = { type: "document", code: 200, contentType: "application/json", body };
    return;
  }
  if (info.isResourceRequest) {
    passage.reply = await dispatch(passage, parts);
    return;
  }
  const reply = await parts.documents.find(info, request);
  if (reply.type === "document" && reply.warning !== undefined) passage.warnings.add(reply.warning);
  passage.reply = reply;
}
