// Subresources whose body is another kind than their object's: binding and eviction (scale has a file of its own). Status, finalize,
// approval, ephemeralcontainers and resize are updates of the object itself.
import { findSchema } from "@coxswain/api";
import { fieldErrors, StatusError, statuses } from "@coxswain/apimachinery";
import type { ApiObject, DeleteOptions, StructSchema } from "@coxswain/apimachinery";
import { rfc3339 } from "@coxswain/clock";
import { decodeObject, parseBody } from "../core/body/decode-body.ts";
import type { WriteOptions } from "../core/options.ts";
import { readDeleteOptions, readWriteOptions, shownOptions } from "../core/options.ts";
import { decodeStored } from "../core/registry/encoding.ts";
import type { Kind } from "../core/registry/kind.ts";
import type { Loose } from "../core/registry/strategy.ts";
import { memberOf, textOf } from "../core/registry/strategy.ts";
import type { GroupVersionKind } from "../core/request.ts";
import { mutatingAdmission, validatingAdmission } from "./admit.ts";
import { checkBudgets } from "./disruption-budget.ts";
import { deleteObject } from "./delete.ts";
import { keyOf, mustRead } from "./get.ts";
import type { Answer, Exchange, Parts } from "./parts.ts";
import { changeObject } from "./update.ts";

const bindingType: GroupVersionKind = { group: "", version: "v1", kind: "Binding" };

/** POST pods/NAME/binding, and POST bindings: gives a pod its node, once. */
export async function bind(parts: Parts, exchange: Exchange, podKind: Kind): Promise<Answer> {
  const { info } = exchange;
  const options = readWriteOptions(exchange.query, "CreateOptions");
  const parsed = parseBody(await exchange.body(), exchange.contentType, "Binding");
  const given = decodeObject(parsed, bindingType, mustFindSchema(bindingType), options.fieldValidation, exchange.warn);
  exchange.audit?.requested(given);
  const name = info.name || given.metadata.name;
  if (!name) throw new StatusError(statuses.badRequest("Name parameter required."));
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
  const errors = ["", "Node"].includes(targetKind)
    ? []
    : [fieldErrors.notSupported("target.kind", targetKind, ["Node", "<empty>"])];
  if (node === "") errors.push(fieldErrors.required("target.name"));
  if (errors.length > 0) throw new StatusError(statuses.invalid({ group: "", kind: "Binding" }, name, errors));
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
