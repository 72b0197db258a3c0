// The subresource scale: the number of replicas of an object as an object of its own, whose owners are those of the number.
import { findSchema } from "@coxswain/api";
import {
  applyConfiguration,
  fieldErrors,
  labelSelectorMatcher,
  setScaleOwners,
  StatusError,
  statuses,
  takeScaleOwners,
  trackUpdate,
} from "@coxswain/apimachinery";
import type { ApiObject, JsonObject, StructSchema } from "@coxswain/apimachinery";
import { decodeObject, mediaTypeOf, parseBody } from "../core/body/decode-body.ts";
import { valuesAt } from "../core/custom/simple-path.ts";
import { writeInfo } from "../core/field-manager.ts";
import { agreeWithPath } from "../core/metadata.ts";
import type { WriteOptions } from "../core/options.ts";
import { readWriteOptions } from "../core/options.ts";
import { served } from "../core/registry/convert.ts";
import { decodeStored } from "../core/registry/encoding.ts";
import type { Kind } from "../core/registry/kind.ts";
import type { ScalePaths } from "../core/registry/rules.ts";
import type { Loose } from "../core/registry/strategy.ts";
import { memberOf } from "../core/registry/strategy.ts";
import type { GroupVersionKind } from "../core/request.ts";
import { readConfiguration } from "./apply.ts";
import { keyOf, mustRead } from "./get.ts";
import type { Answer, Exchange, Parts } from "./parts.ts";
import { applyMediaType, mustBePatchable, patchFunction, readPatch } from "./patch.ts";
import { changeObject } from "./update.ts";

const scaleType: GroupVersionKind = { group: "autoscaling", version: "v1", kind: "Scale" };

export async function getScale(parts: Parts, exchange: Exchange): Promise<Answer> {
  const { kind, info } = exchange;
  const { value, revision } = await mustRead(parts, kind, keyOf(kind, info.namespace, info.name), info.name);
  const object = await served(kind, decodeStored(value, revision));
  const scale = scaleOf(kind, object);
  if (kind.rules.scale && memberOf(scale, "spec")["replicas"] === undefined) {
    const why = `the spec replicas field ${JSON.stringify(kind.rules.scale.specReplicasPath)} does not exist`;
    throw new StatusError(statuses.internalError(why));
  }
  return { type: "object", code: 200, object: scale };
}

/** PUT and PATCH of /scale: the number of replicas, nothing else. */
export async function changeScale(parts: Parts, exchange: Exchange): Promise<Answer> {
  const { kind } = exchange;
  const isPatch = exchange.info.verb === "patch";
  const mediaType = mediaTypeOf(exchange.contentType);
  if (isPatch) mustBePatchable(kind, mediaType);
  const isApply = isPatch && mediaType === applyMediaType;
  const options = readWriteOptions(exchange.query, isPatch ? "PatchOptions" : "UpdateOptions", isPatch && !isApply);
  const bytes = await exchange.body();
  const path = pathOf(kind);
  const next = isApply ? applied(parts, exchange, bytes, options) : written(parts, exchange, bytes, mediaType, options);
  const answer = await changeObject(parts, exchange, options, {
    tracksItself: true,
    next(current) {
      const before = decoded(exchange, scaleOf(kind, current));
      setScaleOwners(before, current as ApiObject & JsonObject, path);
      const scale = next(before);
      agreeWithPath(kind, scale, exchange.info.namespace, exchange.info.name);
      mustFit(kind, exchange.info.name, scale, current);
      setReplicas(kind, current, replicasOf(scale));
      takeScaleOwners(current as ApiObject & JsonObject, scale, path, kind.apiVersion);
      return current;
    },
    admittedAs: {
      type: scaleType,
      of: (object) => scaleOf(kind, object),
      into: (object, scale) => setReplicas(kind, object, replicasOf(scale)),
    },
  });
  return answer.type === "encoded" || answer.type === "object"
    ? { type: "object", code: 200, object: scaleOf(kind, objectOf(answer)) }
    : answer;
}

type Scale = ApiObject & JsonObject;

function applied(parts: Parts, exchange: Exchange, bytes: Buffer, options: WriteOptions): (current: Scale) => Scale {
  const schema = mustFindSchema(scaleType);
  const config = readConfiguration(exchange, bytes, options, {
    kind: scaleType.kind,
    apiVersion: "autoscaling/v1",
    schema,
    decode: (value) => decoded(exchange, value),
    keepsNull: false,
  });
  const write = { ...writerOf(parts, exchange, options), force: options.force };
  return (current) => decoded(exchange, applyConfiguration(schema, current, config, write));
}

function written(
  parts: Parts,
  exchange: Exchange,
  bytes: Buffer,
  mediaType: string,
  options: WriteOptions,
): (current: Scale) => Scale {
  const schema = mustFindSchema(scaleType);
  const isPatch = exchange.info.verb === "patch";
  const parsed = isPatch ? readPatch(bytes) : parseBody(bytes, exchange.contentType, "Scale");
  exchange.audit?.requested(parsed.value);
  const wanted = isPatch ? patchFunction(mediaType, parsed, { schema, kind: "Scale" }) : () => parsed.value;
  return (current) => {
    const scale = decoded(exchange, wanted(current));
    trackUpdate(schema, current, scale, writerOf(parts, exchange, options));
    return scale;
  };
}

function writerOf(parts: Parts, exchange: Exchange, options: WriteOptions): ReturnType<typeof writeInfo> {
  const write = writeInfo(exchange.kind, { options, exchange, nowMs: parts.clock.now() });
  return { ...write, apiVersion: "autoscaling/v1", ignored: [] };
}

function decoded({ warn }: Exchange, value: unknown): Scale {
  const parsed = { value, complaints: () => [] };
  return decodeObject(parsed, scaleType, mustFindSchema(scaleType), "Ignore", warn) as Scale;
}

function mustFit(kind: Kind, name: string, scale: ApiObject, current: ApiObject): void {
  const replicas = replicasOf(scale);
  if (replicas < 0) {
    const error = fieldErrors.invalid("spec.replicas", replicas, "must be greater than or equal to 0");
    throw new StatusError(statuses.invalid(scaleType, name, [error]));
  }
  const given = scale.metadata.resourceVersion ?? "";
  if (given === "" || given === current.metadata.resourceVersion) return;
  const why = "the object has been modified; please apply your changes to the latest version and try again";
  throw new StatusError(statuses.conflict(kind, name, why));
}

function replicasOf(scale: ApiObject): number {
  return (memberOf(scale, "spec")["replicas"] as number | undefined) ?? 0;
}

function objectOf(answer: Extract<Answer, { type: "encoded" | "object" }>): ApiObject {
  return answer.type === "encoded" ? answer.object() : answer.object;
}

/** Where the object keeps its number. */
function pathOf(kind: Kind): readonly string[] {
  return (kind.rules.scale?.specReplicasPath ?? ".spec.replicas").split(".").filter((name) => name !== "");
}

/** What lies on the way is made. */
function setReplicas(kind: Kind, object: ApiObject, replicas: number): void {
  const names = [...pathOf(kind)];
  const last = names.pop();
  let at: Record<string, unknown> = object as Loose;
  for (const name of names) at = (at[name] = { ...memberOf(at, name) }) as Record<string, unknown>;
  if (last !== undefined) at[last] = replicas;
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

function mustFindSchema(type: GroupVersionKind): StructSchema {
  const schema = findSchema(type);
  if (!schema) throw new Error(`no schema for ${type.kind}`);
  return schema;
}
