// An AdmissionReview, there and back: what a webhook is told of a request, and what makes its answer one. After apiserver's
// `webhook/request`; versions v1 and v1beta1, which have the same members.
import { isJsonObject } from "@coxswain/apimachinery";
import type { ApiObject } from "@coxswain/apimachinery";
import type { Matched } from "../match/selection.ts";
import type { AdmissionAttributes } from "../../request.ts";
import { HookError } from "./caller.ts";

const knownVersions = ["v1", "v1beta1"];

/** The members of a review's request that expressions see, too. */
export function admissionRequest(attributes: AdmissionAttributes, as: Matched): Record<string, unknown> {
  const { user, subresource, name, namespace } = attributes;
  return {
    kind: as.kind,
    resource: as.resource,
    ...(subresource !== "" && { subResource: subresource }),
    requestKind: attributes.kind,
    requestResource: attributes.resource,
    ...(subresource !== "" && { requestSubResource: subresource }),
    ...(name !== "" && { name }),
    ...(namespace !== "" && { namespace }),
    operation: attributes.operation,
    userInfo: {
      username: user.username,
      ...(user.uid !== undefined && user.uid !== "" && { uid: user.uid }),
      ...(user.groups.length > 0 && { groups: user.groups }),
      ...(user.extra && Object.keys(user.extra).length > 0 && { extra: user.extra }),
    },
    dryRun: attributes.dryRun,
    options: attributes.options ?? null,
  };
}

export interface Shown {
  readonly object: ApiObject | undefined;
  readonly oldObject: ApiObject | undefined;
}

/** In the first version that the webhook takes and that is known here. */
export function reviewOf(
  attributes: AdmissionAttributes,
  as: Matched,
  { object, oldObject }: Shown,
  { uid, versions }: { readonly uid: string; readonly versions: readonly string[] },
): { readonly version: string; readonly body: object } {
  const version = versions.find((candidate) => knownVersions.includes(candidate));
  if (version === undefined)
    throw new HookError(
      "could not create admission objects: webhook does not accept known AdmissionReview versions (v1, v1beta1)",
    );
  const { dryRun, options, ...rest } = admissionRequest(attributes, as);
  const request = { uid, ...rest, object: bodyOf(attributes, object), oldObject: oldObject ?? null, dryRun, options };
  return { version, body: { kind: "AdmissionReview", apiVersion: `admission.k8s.io/${version}`, request } };
}

/** The options of a stream have no metadata. */
function bodyOf({ operation }: AdmissionAttributes, object: ApiObject | undefined): object | null {
  if (!object || operation !== "CONNECT") return object ?? null;
  const { metadata: _none, ...options } = object;
  return options;
}

export interface HookAnswer {
  readonly allowed: boolean;
  readonly status: Readonly<Record<string, unknown>> | undefined;
  readonly warnings: readonly string[];
  /** For the audit log, without the name of the webhook before the key. */
  readonly annotations: readonly (readonly [key: string, value: string])[];
  /** The text of a JSON patch; undefined when nothing is to change. */
  readonly patch: string | undefined;
}

/** Throws a HookError for what is no answer to this review. */
export function readAnswer(value: unknown, asked: { uid: string; version: string; isMutating: boolean }): HookAnswer {
  const invalid = (why: string): HookError => new HookError(`received invalid webhook response: ${why}`);
  const response = isJsonObject(value) ? value["response"] : undefined;
  if (!isJsonObject(value) || !isJsonObject(response)) throw invalid("webhook response was absent");
  if (asked.version === "v1") {
    const uid = textOf(response["uid"]);
    if (uid !== asked.uid)
      throw invalid(`expected response.uid=${JSON.stringify(asked.uid)}, got ${JSON.stringify(uid)}`);
    const [apiVersion, kind] = [textOf(value["apiVersion"]), textOf(value["kind"])];
    if (apiVersion !== "admission.k8s.io/v1" || kind !== "AdmissionReview")
      throw invalid(
        `expected webhook response of admission.k8s.io/v1, Kind=AdmissionReview, got ${apiVersion}, Kind=${kind}`,
      );
  }
  const { status, warnings, auditAnnotations } = response;
  return {
    allowed: response["allowed"] === true,
    status: isJsonObject(status) ? status : undefined,
    warnings: Array.isArray(warnings) ? warnings.filter((text) => typeof text === "string") : [],
    annotations: isJsonObject(auditAnnotations)
      ? Object.entries(auditAnnotations).map(([key, text]) => [key, textOf(text)])
      : [],
    patch: patchOf(response, asked, invalid),
  };
}

function patchOf(
  response: Readonly<Record<string, unknown>>,
  { version, isMutating }: { version: string; isMutating: boolean },
  invalid: (why: string) => HookError,
): string | undefined {
  const patch = textOf(response["patch"]);
  const type = response["patchType"] ?? undefined;
  const isFirst = version === "v1";
  if (!isMutating) {
    if (isFirst && patch !== "") throw invalid("validating webhook may not return response.patch");
    if (isFirst && type !== undefined) throw invalid("validating webhook may not return response.patchType");
    return undefined;
  }
  if (isFirst && patch !== "" && type === undefined)
    throw invalid("webhook returned response.patch but not response.patchType");
  if (isFirst && patch === "" && type !== undefined)
    throw invalid("webhook returned response.patchType but not response.patch");
  if (patch === "") return undefined;
  if (isFirst && type === "") throw invalid('webhook returned invalid response.patchType of ""');
  if (type !== undefined && type !== "JSONPatch") throw new HookError(`unsupported patch type ${JSON.stringify(type)}`);
  return Buffer.from(patch, "base64").toString();
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}
