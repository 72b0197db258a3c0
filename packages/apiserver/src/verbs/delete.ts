// DELETE: preconditions, admission, then either the object goes at once, or it is marked and stays until its grace is
// over and its finalizers are gone (Kubernetes' rest.BeforeDelete and the store's delete).
import { cloneJson, StatusError, statuses } from "@coxswain/apimachinery";
import type { ApiObject, DeleteOptions } from "@coxswain/apimachinery";
import { rfc3339 } from "@coxswain/clock";
import { findSchema } from "@coxswain/api";
import { decodeObject, parseBody } from "../core/body/decode-body.ts";
import type { ReadDeleteOptions } from "../core/options.ts";
import { readDeleteOptions, shownDeleteOptions } from "../core/options.ts";
import { served, toBeStored } from "../core/registry/convert.ts";
import { decodeStored, encodeForStore } from "../core/registry/encoding.ts";
import type { Kind } from "../core/registry/kind.ts";
import { mayVanish } from "../core/registry/strategy.ts";
import type { StoredValue } from "../core/storage.ts";
import { mutatingAdmission, validatingAdmission } from "./admit.ts";
import type { Attempt } from "./attempts.ts";
import { attemptUntilWritten } from "./attempts.ts";
import { answerOf, keyOf } from "./get.ts";
import type { Answer, Exchange, Parts } from "./parts.ts";
import { isService } from "./parts.ts";

export async function remove(parts: Parts, exchange: Exchange): Promise<Answer> {
  const options = await readOptions(exchange);
  return deleteObject(parts, exchange, exchange.info.name, options);
}

/** DeleteOptions from the body, if there is one, otherwise from the query. */
export async function readOptions(exchange: Exchange): Promise<ReadDeleteOptions> {
  const body = await exchange.body();
  if (body.length === 0) return readDeleteOptions(exchange.query, undefined);
  const type = { group: "meta.k8s.io", version: "v1", kind: "DeleteOptions" };
  const schema = findSchema(type);
  if (!schema) throw new Error("no schema for DeleteOptions");
  const parsed = parseBody(body, exchange.contentType, "DeleteOptions");
  // Old clients say "v1", others the version of the group they delete in; the fields are the same.
  const given = parsed.value as Record<string, unknown> | null;
  const bare =
    typeof given === "object" && given !== null && given["kind"] === "DeleteOptions"
      ? { ...parsed, value: { ...given, apiVersion: "meta.k8s.io/v1" } }
      : parsed;
  const decoded = decodeObject(bare, type, schema, "Ignore", exchange.warn);
  const { kind: _kind, apiVersion: _apiVersion, ...options } = decoded as ApiObject & DeleteOptions;
  exchange.audit?.requested({ kind: "DeleteOptions", apiVersion: exchange.kind.apiVersion, ...options });
  return readDeleteOptions(exchange.query, options);
}

/** Deletes one object of the exchange's kind; the answer is the object if it stays for now, a Status if it is gone. */
export async function deleteObject(
  parts: Parts,
  exchange: Exchange,
  name: string,
  options: ReadDeleteOptions,
  namespace = exchange.info.namespace,
): Promise<Answer> {
  const { kind } = exchange;
  return attemptUntilWritten(parts, {
    kind,
    key: keyOf(kind, namespace, name),
    name,
    isDryRun: options.isDryRun,
    code: codeWhileItStays(options),
    attempt: (current) => tryDelete(parts, exchange, name, options, current),
  });
}

/** Whoever wants dependents deleted in the old way is told that the object is not gone yet. */
function codeWhileItStays({ orphanDependents }: ReadDeleteOptions): number {
  return orphanDependents === false ? 202 : 200;
}

async function tryDelete(
  parts: Parts,
  exchange: Exchange,
  name: string,
  options: ReadDeleteOptions,
  current: StoredValue,
): Promise<Attempt> {
  const { kind } = exchange;
  const { key } = current;
  const object = await served(kind, decodeStored(current.value, current.revision));
  checkPreconditions(kind, object, options);
  const subject = {
    operation: "DELETE",
    object: undefined,
    oldObject: object,
    name,
    dryRun: options.isDryRun,
    options: shownDeleteOptions(options),
  } as const;
  await mutatingAdmission(parts, exchange, subject);
  await validatingAdmission(parts, exchange, subject);
  const next = marked(kind, object, options, parts.clock.now());
  if (next === "pending") return { kind: "same" };
  if (next === "gone") {
    if (!options.isDryRun) {
      const outcome = await parts.storage.remove(key, current.revision);
      if (outcome.kind === "changed") return outcome;
      if (isService(kind)) await parts.services.release(object);
    }
    return { kind: "done", answer: gone(kind, object) };
  }
  const code = codeWhileItStays(options);
  if (options.isDryRun) return { kind: "done", answer: { type: "object", code, object: next, kind } };
  const value = encodeForStore(await toBeStored(kind, next));
  const outcome = await parts.storage.replace(key, value, current.revision);
  if (outcome.kind === "changed") return outcome;
  return { kind: "done", answer: await answerOf(kind, code, { key, value, revision: outcome.revision }) };
}

function checkPreconditions({ group, kind }: Kind, object: ApiObject, { preconditions }: DeleteOptions): void {
  const { uid, resourceVersion } = preconditions ?? {};
  // Kubernetes names the kind here, not the resource.
  const subject = { group, resource: kind };
  const { metadata } = object;
  if (uid !== undefined && uid !== metadata.uid) {
    throw new StatusError(
      statuses.conflict(
        subject,
        metadata.name,
        `the UID in the precondition (${uid}) does not match the UID in record (${metadata.uid ?? ""}). The object might have been deleted and then recreated`,
      ),
    );
  }
  if (resourceVersion !== undefined && resourceVersion !== metadata.resourceVersion) {
    throw new StatusError(
      statuses.conflict(
        subject,
        metadata.name,
        `the ResourceVersion in the precondition (${resourceVersion}) does not match the ResourceVersion in record (${metadata.resourceVersion ?? ""}). The object might have been modified`,
      ),
    );
  }
}

/** A deletion's time must have a year of four digits; Go's overflows far earlier. */
const longestGraceSeconds = 200_000_000_000;

/** The object as it lives on, "pending" when it already does so, "gone" when nothing holds it. */
function marked(kind: Kind, object: ApiObject, options: DeleteOptions, nowMs: number): ApiObject | "gone" | "pending" {
  const { strategy } = kind;
  const { metadata } = object;
  const finalizers = finalizersFor(kind, object, options);
  const wasDeleting = metadata.deletionTimestamp !== undefined;
  const wanted = Math.min(strategy.gracePeriodSeconds?.(object, options) ?? 0, longestGraceSeconds);
  const before = metadata.deletionGracePeriodSeconds ?? 0;
  // A second DELETE may only shorten the grace; saying nothing leaves it.
  const grace = !wasDeleting ? wanted : options.gracePeriodSeconds === undefined ? before : Math.min(before, wanted);
  const stays = finalizers.length > 0 || grace > 0 || strategy.holdsDeletion?.(object) === true;
  if (!stays) return "gone";
  const sameFinalizers =
    finalizers.length === (metadata.finalizers ?? []).length &&
    finalizers.every((finalizer) => metadata.finalizers?.includes(finalizer));
  if (wasDeleting && sameFinalizers && grace === before) return "pending";
  const next = cloneJson(object);
  if (!wasDeleting && next.metadata.generation !== undefined && next.metadata.generation > 0)
    next.metadata.generation += 1;
  if (!wasDeleting || grace !== before) {
    const startedMs = wasDeleting ? Date.parse(metadata.deletionTimestamp ?? "") - before * 1000 : nowMs;
    next.metadata.deletionTimestamp = rfc3339(startedMs + grace * 1000);
    next.metadata.deletionGracePeriodSeconds = grace;
  }
  if (finalizers.length > 0) next.metadata.finalizers = [...finalizers];
  else delete next.metadata.finalizers;
  strategy.markDeleted?.(next);
  return mayVanish(strategy, next) ? "gone" : next;
}

/** The propagation policy as the finalizers that carry it out. */
function finalizersFor(
  { strategy }: Kind,
  object: ApiObject,
  { propagationPolicy, orphanDependents }: DeleteOptions,
): readonly string[] {
  const own = object.metadata.finalizers ?? [];
  const others = own.filter((finalizer) => finalizer !== "orphan" && finalizer !== "foregroundDeletion");
  if (orphanDependents !== undefined) return orphanDependents ? [...others, "orphan"] : others;
  switch (propagationPolicy) {
    case "Orphan":
      return [...others, "orphan"];
    case "Foreground":
      return [...others, "foregroundDeletion"];
    case "Background":
      return others;
    case undefined:
      if (own.includes("orphan") || own.includes("foregroundDeletion")) return own;
      return strategy.orphansByDefault ? [...others, "orphan"] : others;
  }
}

/** Kinds whose DELETE answers the object even when it is gone, as their typed clients expect. */
const answeringThemselves: ReadonlySet<string> = new Set([
  "/persistentvolumeclaims",
  "/persistentvolumes",
  "/pods",
  "/podtemplates",
  "/resourcequotas",
  "/serviceaccounts",
  "/services",
  "resource.k8s.io/deviceclasses",
  "resource.k8s.io/resourceclaims",
  "resource.k8s.io/resourceclaimtemplates",
  "resource.k8s.io/resourceslices",
  "storage.k8s.io/csidrivers",
  "storage.k8s.io/csinodes",
  "storage.k8s.io/storageclasses",
  "storage.k8s.io/volumeattachments",
  "storage.k8s.io/volumeattributesclasses",
]);

function gone(kind: Kind, object: ApiObject): Answer {
  if (answeringThemselves.has(`${kind.group}/${kind.resource}`)) return { type: "object", code: 200, object, kind };
  const { name, uid } = object.metadata;
  const details = { name, ...(kind.group !== "" && { group: kind.group }), kind: kind.resource, uid };
  const { code: _implied, ...status } = statuses.success(details);
  return { type: "status", code: 200, status };
}
