// Subresources whose body is another kind than their object's: scale, binding, eviction. Status, finalize, approval,
// ephemeralcontainers and resize are updates of the object itself.
import { findSchema } from "@coxswain/api";
import { fieldErrors, StatusError, statuses } from "@coxswain/apimachinery";
import type { ApiObject, DeleteOptions, StructSchema } from "@coxswain/apimachinery";
import { rfc3339 } from "@coxswain/clock";
import { decodeObject, mediaTypeOf, parseBody } from "../core/body/decode-body.ts";
import type { WriteOptions } from "../core/options.ts";
import { readDeleteOptions, readWriteOptions, shownOptions } from "../core/options.ts";
import { served } from "../core/registry/convert.ts";
import { decodeStored } from "../core/registry/encoding.ts";
import { valuesAt } from "../core/custom/simple-path.ts";
import type { Kind } from "../core/registry/kind.ts";
import type { ScalePaths } from "../core/registry/rules.ts";
import type { Loose } from "../core/registry/strategy.ts";
import { memberOf, textOf } from "../core/registry/strategy.ts";
import type { GroupVersionKind } from "../core/request.ts";
import { labelSelectorMatcher } from "@coxswain/apimachinery";
import { mutatingAdmission, validatingAdmission } from "./admit.ts";
import { checkBudgets } from "./disruption-budget.ts";
import { deleteObject } from "./delete.ts";
import { keyOf, mustRead } from "./get.ts";
import type { Answer, Exchange, Parts } from "./parts.ts";
import { applyMediaType, mustBePatchable, patchFunction, readPatch } from "./patch.ts";
import { changeObject } from "./update.ts";

const scaleType: GroupVersionKind = { group: "autoscaling", version: "v1", kind: "Scale" };
const bindingType: GroupVersionKind = { group: "", version: "v1", kind: "Binding" };

export async function getScale(parts: Parts, exchange: Exchange): Promise<Answer> {
  const { kind, info } = exchange;
  const { value, revision } = await mustRead(parts, kind, keyOf(kind, info.namespace, info.name), info.name);
  return { type: "object", code: 200, object: scaleOf(kind, await served(kind, decodeStored(value, revision))) };
}

/** PUT and PATCH of /scale: the number of replicas, nothing else. */
export async function changeScale(parts: Parts, exchange: Exchange): Promise<Answer> {
  const { kind, info } = exchange;
  const isPatch = info.verb === "patch";
  const mediaType = mediaTypeOf(exchange.contentType);
  if (isPatch) mustBePatchable(kind, mediaType);
  const isMerge = isPatch && mediaType !== applyMediaType;
  const options = readWriteOptions(exchange.query, isPatch ? "PatchOptions" : "UpdateOptions", isMerge);
  const bytes = await exchange.body();
  const schema = mustFindSchema(scaleType);
  const parsed = isPatch ? readPatch(bytes) : parseBody(bytes, exchange.contentType, "Scale");
  exchange.audit?.requested(parsed.value);
  const wanted = isPatch ? patchFunction(mediaType, parsed, { schema, kind: "Scale" }) : () => parsed.value;
  const answer = await changeObject(parts, exchange, options, {
    next(current) {
      const value = wanted(scaleOf(kind, current));
      const scale = decodeObject({ value, complaints: () => [] }, scaleType, schema, "Ignore", exchange.warn);
      const replicas = (memberOf(scale, "spec")["replicas"] as number | undefined) ?? 0;
      if (replicas < 0) {
        throw new StatusError(
          statuses.invalid(scaleType, info.name, [
            fieldErrors.invalid("spec.replicas", replicas, "must be greater than or equal to 0"),
          ]),
        );
      }
      const given = scale.metadata.resourceVersion ?? "";
      if (given !== "" && given !== current.metadata.resourceVersion) {
        throw new StatusError(
          statuses.conflict(
            kind,
            info.name,
            "the object has been modified; please apply your changes to the latest version and try again",
          ),
        );
      }
      setReplicas(kind, current, replicas);
      return current;
    },
    admittedAs: {
      type: scaleType,
      of: (object) => scaleOf(kind, object),
      into: (object, scale) =>
        setReplicas(kind, object, (memberOf(scale, "spec")["replicas"] as number | undefined) ?? 0),
    },
  });
  return answer.type === "encoded" || answer.type === "object"
    ? { type: "object", code: 200, object: scaleOf(kind, objectOf(answer)) }
    : answer;
}

function objectOf(answer: Extract<Answer, { type: "encoded" | "object" }>): ApiObject {
  return answer.type === "encoded" ? answer.object() : answer.object;
}

function setReplicas(kind: Kind, object: ApiObject, replicas: number): void {
  setAt(object as Loose, kind.rules.scale?.specReplicasPath ?? ".spec.replicas", replicas);
}

/** Sets a member behind dots, `.spec.replicas`; what lies on the way is made. */
function setAt(object: Loose, path: string, value: unknown): void {
  const names = path.split(".").filter((name) => name !== "");
  const last = names.pop();
  let at: Record<string, unknown> = object;
  for (const name of names) at = (at[name] = { ...memberOf(at, name) }) as Record<string, unknown>;
  if (last !== undefined) at[last] = value;
}

/** A custom resource says by paths where its numbers are; its selector is a text already. */
function customScaleOf(paths: ScalePaths, object: ApiObject): ApiObject {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const replicas = valuesAt(object, paths.specReplicasPath)[0];
  const selector = paths.labelSelectorPath === undefined ? undefined : valuesAt(object, paths.labelSelectorPath)[0];
  const scale: Loose = {
    kind: "Scale",
    apiVersion: "autoscaling/v1",
    metadata: { name, namespace, uid, resourceVersion, creationTimestamp },
    spec: { ...(replicas !== undefined && { replicas }) },
    status: {
      replicas: valuesAt(object, paths.statusReplicasPath)[0] ?? 0,
      ...(typeof selector === "string" && selector !== "" && { selector }),
    },
  };
  return scale;
}

function scaleOf(kind: Kind, object: ApiObject): ApiObject {
  if (kind.rules.scale) return customScaleOf(kind.rules.scale, object);
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const spec = memberOf(object, "spec");
  const selector = spec["selector"];
  const scale: Loose = {
    kind: "Scale",
    apiVersion: "autoscaling/v1",
    metadata: { name, namespace, uid, resourceVersion, creationTimestamp },
    spec: { ...(spec["replicas"] !== undefined && { replicas: spec["replicas"] }) },
    status: {
      replicas: memberOf(object, "status")["replicas"] ?? 0,
      ...(selector !== undefined && { selector: selectorText(kind, selector) }),
    },
  };
  return scale;
}

function selectorText(kind: Kind, selector: unknown): string {
  if (kind.resource !== "replicationcontrollers")
    return labelSelectorMatcher(selector as Parameters<typeof labelSelectorMatcher>[0]).toString();
  return Object.entries(selector as Record<string, string>)
    .map(([key, value]) => `${key}=${value}`)
    .join(",");
}

/** POST pods/NAME/binding, and POST bindings: gives a pod its node, once. */
export async function bind(parts: Parts, exchange: Exchange, podKind: Kind): Promise<Answer> {
  const { info } = exchange;
  const options = readWriteOptions(exchange.query, "CreateOptions");
  const parsed = parseBody(await exchange.body(), exchange.contentType, "Binding");
  const given = decodeObject(parsed, bindingType, mustFindSchema(bindingType), options.fieldValidation, exchange.warn);
  exchange.audit?.requested(given);
  const name = info.name || given.metadata.name;
  if (given.metadata.name !== name)
    throw new StatusError(statuses.badRequest("name in URL does not match name in Binding object"));
  const subject = {
    operation: "CREATE",
    oldObject: undefined,
    name,
    dryRun: options.dryRun,
    options: shownOptions("CreateOptions", options),
    kind: bindingType,
  } as const;
  const binding = (await mutatingAdmission(parts, exchange, { ...subject, object: given })) ?? given;
  const node = textOf(binding, "target", "name");
  const targetKind = textOf(binding, "target", "kind");
  if (node === "")
    throw new StatusError(
      statuses.invalid({ group: "", kind: "Binding" }, name, [fieldErrors.required("target.name")]),
    );
  if (targetKind !== "" && targetKind !== "Node")
    throw new StatusError(
      statuses.invalid({ group: "", kind: "Binding" }, name, [
        fieldErrors.notSupported("target.kind", targetKind, ["Node", ""]),
      ]),
    );
  await validatingAdmission(parts, exchange, { ...subject, object: binding });
  await changeObject({ ...parts, admission: [] }, asPod(exchange, podKind, name, "binding"), options, {
    name,
    isSystem: true,
    next(pod) {
      if ((binding.metadata.uid ?? "") !== "" && binding.metadata.uid !== pod.metadata.uid) {
        throw new StatusError(
          statuses.conflict(
            podKind,
            name,
            `Precondition failed: UID in precondition: ${binding.metadata.uid}, UID in object meta: ${pod.metadata.uid}`,
          ),
        );
      }
      if (pod.metadata.deletionTimestamp !== undefined)
        throw new StatusError(
          statuses.conflict(
            { group: "", resource: "pods/binding" },
            name,
            `pod ${name} is being deleted, cannot be assigned to a host`,
          ),
        );
      const assigned = textOf(pod, "spec", "nodeName");
      if (assigned !== "")
        throw new StatusError(
          statuses.conflict(
            { group: "", resource: "pods/binding" },
            name,
            `pod ${name} is already assigned to node ${JSON.stringify(assigned)}`,
          ),
        );
      return assign(pod, binding, node, rfc3339(parts.clock.now()));
    },
  });
  return { type: "status", code: 201, status: { ...statuses.success(), code: 201 } };
}

function assign(pod: ApiObject, binding: ApiObject, node: string, now: string): ApiObject {
  const loose = pod as Loose;
  loose["spec"] = { ...memberOf(pod, "spec"), nodeName: node };
  pod.metadata.annotations = { ...pod.metadata.annotations, ...binding.metadata.annotations };
  pod.metadata.labels = { ...pod.metadata.labels, ...binding.metadata.labels };
  if (Object.keys(pod.metadata.annotations).length === 0) delete pod.metadata.annotations;
  if (Object.keys(pod.metadata.labels).length === 0) delete pod.metadata.labels;
  const status = memberOf(pod, "status");
  const others = ((status["conditions"] as { type: string }[] | undefined) ?? []).filter(
    ({ type }) => type !== "PodScheduled",
  );
  const { nominatedNodeName: _nominated, ...kept } = status;
  loose["status"] = {
    ...kept,
    conditions: [...others, { type: "PodScheduled", status: "True", lastProbeTime: null, lastTransitionTime: now }],
  };
  return pod;
}

/** The same request as one about the pod itself. */
function asPod(exchange: Exchange, podKind: Kind, name: string, subresource: string): Exchange {
  return { ...exchange, kind: podKind, info: { ...exchange.info, resource: "pods", name, subresource } };
}

/** POST pods/NAME/eviction: a delete that budgets may refuse. */
export async function evict(parts: Parts, exchange: Exchange): Promise<Answer> {
  const { kind, info } = exchange;
  const options: WriteOptions = readWriteOptions(exchange.query, "CreateOptions");
  const type: GroupVersionKind = { group: "policy", version: "v1", kind: "Eviction" };
  const parsed = parseBody(await exchange.body(), exchange.contentType, "Eviction");
  const old = (parsed.value as Record<string, unknown> | null)?.["apiVersion"] === "policy/v1beta1";
  const posted = decodeObject(
    old ? { ...parsed, value: { ...(parsed.value as object), apiVersion: "policy/v1" } } : parsed,
    type,
    mustFindSchema(type),
    options.fieldValidation,
    exchange.warn,
  );
  exchange.audit?.requested(posted);
  if (posted.metadata.name && posted.metadata.name !== info.name)
    throw new StatusError(statuses.badRequest("name in URL does not match name in Eviction object"));
  const subject = {
    operation: "CREATE",
    oldObject: undefined,
    name: info.name,
    dryRun: options.dryRun,
    options: shownOptions("CreateOptions", options),
    kind: type,
  } as const;
  const eviction = (await mutatingAdmission(parts, exchange, { ...subject, object: posted })) ?? posted;
  const given = memberOf(eviction, "deleteOptions") as DeleteOptions;
  const deleteOptions = readDeleteOptions(new URLSearchParams(), {
    ...given,
    ...(options.dryRun && { dryRun: ["All"] }),
  });
  await validatingAdmission(parts, exchange, { ...subject, object: eviction });
  const { value, revision } = await mustRead(parts, kind, keyOf(kind, info.namespace, info.name), info.name);
  const pod = decodeStored(value, revision);
  await checkBudgets(parts, pod, deleteOptions.isDryRun);
  // The eviction has been admitted; what follows from it is the server's own doing.
  const quietly = { ...parts, admission: [] };
  await deleteObject(quietly, { ...exchange, info: { ...info, subresource: "" } }, info.name, deleteOptions);
  return { type: "status", code: 201, status: { ...statuses.success(), code: 201 } };
}

function mustFindSchema(type: GroupVersionKind): StructSchema {
  const schema = findSchema(type);
  if (!schema) throw new Error(`no schema for ${type.kind}`);
  return schema;
}
