// From a request about a resource to the verb that serves it: finds the kind, knows which verbs and subresources there
// are, and answers 404 and 405 for the rest.
import { StatusError, statuses } from "@coxswain/apimachinery";
import type { ApiObject } from "@coxswain/apimachinery";
import { findSchema } from "@coxswain/api";
import { forbidden } from "../core/authz/forbidden.ts";
import { requestAttributes } from "../core/authz/request-attributes.ts";
import { decodeObject, parseBody } from "../core/body/decode-body.ts";
import { subresourceShape } from "../core/discovery/discovery.ts";
import { definitionResource } from "../core/custom/custom-kinds.ts";
import type { GroupVersionKind, RequestInfo } from "../core/request.ts";
import { isTrue } from "../core/request-info.ts";
import type { WriteOptions } from "../core/options.ts";
import { readWriteOptions, shownOptions } from "../core/options.ts";
import { mustBeLogOptions } from "../core/log-options.ts";
import { splitProxyName } from "../core/proxy-name.ts";
import type { Kind } from "../core/registry/kind.ts";
import { decodeStored } from "../core/registry/encoding.ts";
import type { Passage, PipelineParts, Reply } from "../pipeline.ts";
import { mutatingAdmission, validatingAdmission } from "./admit.ts";
import { answerComponentStatuses } from "./component-statuses.ts";
import { create } from "./create.ts";
import { removeCollection } from "./delete-collection.ts";
import { remove } from "./delete.ts";
import { get, keyOf, mustRead } from "./get.ts";
import { list } from "./list.ts";
import type { Exchange } from "./parts.ts";
import { patch } from "./patch.ts";
import { changeScale, getScale } from "./scale.ts";
import { bind, evict } from "./subresources.ts";
import { update } from "./update.ts";
import { watch } from "./watch.ts";

const tunnelled: ReadonlySet<string> = new Set(["log", "exec", "attach", "portforward", "proxy"]);

export async function dispatch(passage: Passage, parts: PipelineParts): Promise<Reply> {
  const { info } = passage;
  const kind = await findKind(parts, info);
  if (!kind || (kind.namespaced && info.namespace === "" && info.name !== ""))
    throw new StatusError(statuses.pathNotFound());
  if (!kind.namespaced && info.namespace !== "" && info.resource !== "namespaces")
    throw new StatusError(statuses.pathNotFound());
  const exchange = exchangeOf(passage, kind);
  if (info.subresource !== "") return dispatchSubresource(parts, exchange);
  const review = parts.reviews.get(`${kind.group}/${kind.resource}`);
  if (review) return answerReview(parts, exchange, kind.kind, "");
  if (kind.group === "" && kind.resource === "bindings" && info.verb === "create")
    return bind(parts, exchange, podKind(parts));
  if (kind.resource === "componentstatuses" && kind.group === "" && parts.components)
    return answerComponentStatuses(parts.components, exchange);
  if (!kind.info.verbs.includes(info.verb)) throw new StatusError(statuses.methodNotAllowed());
  switch (info.verb) {
    case "get":
      return get(parts, exchange);
    case "list":
      return list(parts, exchange);
    case "watch":
      return watch(parts, exchange);
    case "create":
      if (info.name !== "") throw new StatusError(statuses.methodNotAllowed());
      if (kind.namespaced && info.namespace === "") throw new StatusError(statuses.methodNotAllowed());
      return create(parts, exchange);
    case "update":
      return mustName(exchange, () => update(parts, exchange));
    case "patch":
      return mustName(exchange, () => patch(parts, exchange));
    case "delete":
      return remove(parts, exchange);
    case "deletecollection":
      if (kind.namespaced && info.namespace === "") throw new StatusError(statuses.methodNotAllowed());
      return removeCollection(parts, exchange);
    default:
      throw new StatusError(statuses.methodNotAllowed());
  }
}

/** How long a request waits for a definition that this server may not have seen yet. */
const definitionWaitMs = 3000;

/** Another server may have served the definition of a custom resource a moment ago: before "not found" this one looks at its newest state. */
export async function findKind(
  parts: Pick<PipelineParts, "kinds" | "feed" | "storage">,
  { apiGroup, apiVersion, resource }: Pick<RequestInfo, "apiGroup" | "apiVersion" | "resource">,
): Promise<Kind | undefined> {
  const known = parts.kinds.find(apiGroup, apiVersion, resource);
  if (known || parts.kinds.all.some(({ group }) => group === apiGroup)) return known;
  const definitions = parts.kinds.stored(definitionResource);
  if (!definitions) return undefined;
  await parts.feed(definitions).whenAt(await parts.storage.revision(), definitionWaitMs);
  return parts.kinds.find(apiGroup, apiVersion, resource);
}

function mustName(exchange: Exchange, verb: () => Promise<Reply>): Promise<Reply> {
  if (exchange.info.name === "") throw new StatusError(statuses.methodNotAllowed());
  return verb();
}

async function dispatchSubresource(parts: PipelineParts, exchange: Exchange): Promise<Reply> {
  const { kind, info } = exchange;
  const { subresource, verb } = info;
  if (!kind.info.subresources.includes(subresource)) throw new StatusError(statuses.pathNotFound());
  if (tunnelled.has(subresource)) return connect(parts, exchange);
  if (!subresourceShape(kind.info, subresource).verbs.includes(verb))
    throw new StatusError(statuses.methodNotAllowed());
  switch (subresource) {
    case "scale":
      return verb === "get" ? getScale(parts, exchange) : changeScale(parts, exchange);
    case "binding":
      return bind(parts, exchange, kind);
    case "eviction":
      return evict(parts, exchange);
    case "token":
      await mustRead(parts, kind, keyOf(kind, info.namespace, info.name), info.name);
      return answerReview(parts, exchange, "TokenRequest", subresource);
    default:
      if (verb === "get") return get(parts, exchange);
      return verb === "patch" ? patch(parts, exchange) : update(parts, exchange);
  }
}

async function answerReview(
  parts: PipelineParts,
  exchange: Exchange,
  bodyKind: string,
  subresource: string,
): Promise<Reply> {
  const { kind, info, user } = exchange;
  const review = parts.reviews.get(`${kind.group}/${kind.resource}${subresource === "" ? "" : `/${subresource}`}`);
  if (!review || info.verb !== "create") throw new StatusError(statuses.methodNotAllowed());
  const options = readWriteOptions(exchange.query, "CreateOptions");
  const type =
    subresource === "token"
      ? { group: "authentication.k8s.io", version: "v1", kind: bodyKind }
      : { group: kind.group, version: kind.version, kind: bodyKind };
  const schema = findSchema(type);
  if (!schema) throw new StatusError(statuses.pathNotFound());
  const parsed = parseBody(await exchange.body(), exchange.contentType, bodyKind);
  const given = decodeObject(parsed, type, schema, options.fieldValidation, exchange.warn);
  exchange.audit?.requested(given);
  const object = subresource === "" ? given : await admitted(parts, exchange, given, type, options);
  const answer = await review(object, { user, namespace: info.namespace, name: info.name, reader: parts.objects });
  return { type: "object", code: 201, object: answer };
}

/** The body of a subresource that makes something, as admission lets it pass. */
async function admitted(
  parts: PipelineParts,
  exchange: Exchange,
  given: ApiObject,
  type: GroupVersionKind,
  options: WriteOptions,
): Promise<ApiObject> {
  const subject = {
    operation: "CREATE",
    oldObject: undefined,
    name: exchange.info.name,
    dryRun: options.dryRun,
    options: shownOptions("CreateOptions", options),
    kind: type,
  } as const;
  const object = (await mutatingAdmission(parts, exchange, { ...subject, object: given })) ?? given;
  await validatingAdmission(parts, exchange, { ...subject, object });
  return object;
}

/** Streams and proxies: admission as CONNECT, then the tunnel takes over. */
async function connect(parts: PipelineParts, exchange: Exchange): Promise<Reply> {
  const { kind, info, user, query } = exchange;
  if (streamVerbs[info.subresource]?.includes(info.verb) === false) throw new StatusError(statuses.methodNotAllowed());
  mustCreateStream(parts, exchange);
  if (info.subresource === "log") mustBeLogOptions(info.name, query);
  const bare = info.subresource === "proxy" ? splitProxyName(info.name, kind.kind.toLowerCase()).name : info.name;
  const { value, revision } = await mustRead(parts, kind, keyOf(kind, info.namespace, bare), bare);
  const object = decodeStored(value, revision);
  if (info.subresource !== "log") {
    const options = connectOptions(optionsKind(kind, info.subresource), info, query);
    const type = { group: "", version: "v1", kind: options.kind };
    const subject = {
      operation: "CONNECT",
      object: options,
      oldObject: undefined,
      name: bare,
      dryRun: false,
      kind: type,
    } as const;
    await mutatingAdmission(parts, exchange, subject);
    await validatingAdmission(parts, exchange, subject);
  }
  return { type: "tunnel", request: { info, user, query, object } };
}

/** Proxies take every method. */
const streamVerbs: Readonly<Record<string, readonly string[]>> = {
  log: ["get"],
  exec: ["get", "create"],
  attach: ["get", "create"],
  portforward: ["get", "create"],
};

/** A stream begun with GET, as WebSockets are, starts something all the same: reading is not enough to be allowed it (since 1.35). */
function mustCreateStream({ authorizer }: PipelineParts, { info, user, query }: Exchange): void {
  if (info.verb !== "get" || podOptions[info.subresource] === undefined) return;
  const attributes = requestAttributes(user, { ...info, verb: "create" }, query);
  const verdict = authorizer.authorize(attributes);
  if (verdict.decision !== "allow") throw forbidden(attributes, verdict.reason);
}

const podOptions: Readonly<Record<string, string>> = {
  exec: "PodExecOptions",
  attach: "PodAttachOptions",
  portforward: "PodPortForwardOptions",
};

/** What admission sees of a stream or proxy: its options, by Kubernetes' kinds. */
function optionsKind({ kind }: Kind, subresource: string): string {
  return podOptions[subresource] ?? `${kind}ProxyOptions`;
}

function connectOptions(optionsKind: string, { rest }: RequestInfo, query: URLSearchParams): ApiObject {
  const object: ApiObject & Record<string, unknown> = { kind: optionsKind, apiVersion: "v1", metadata: { name: "" } };
  if (optionsKind.endsWith("ProxyOptions")) object["path"] = `/${rest}`;
  for (const name of ["stdin", "stdout", "stderr", "tty"]) if (isTrue(query.get(name))) object[name] = true;
  const container = query.get("container");
  if (container !== null) object["container"] = container;
  if (query.has("command")) object["command"] = query.getAll("command");
  if (query.has("ports"))
    object["ports"] = query
      .getAll("ports")
      .flatMap((text) => text.split(","))
      .map(Number);
  return object;
}

function podKind(parts: PipelineParts): Kind {
  const kind = parts.kinds.find("", "v1", "pods");
  if (!kind) throw new Error("the scheme has no pods");
  return kind;
}

function exchangeOf(passage: Passage, kind: Kind): Exchange {
  const { info, user, request, warnings } = passage;
  for (const warning of kind.rules.notices) warnings.add(warning);
  return {
    info,
    kind,
    user,
    userAgent: request.header("user-agent") ?? "",
    query: request.query,
    contentType: request.header("content-type"),
    body: request.body,
    signal: request.signal,
    deadlineMs: passage.deadlineMs,
    reserve: (bytes) => request.memory.reserve(bytes),
    warn: (text) => void warnings.add(text),
    audit: passage.audit,
    refusedBy: (plugin) => void (passage.refusal = { stage: "admission", reason: plugin }),
  };
}
