// PATCH with an applied configuration: fields have owners, and taking one from somebody else is a conflict unless forced.
// Creates the object when it is not there.
import { applyConfiguration, StatusError, statuses, undeclaredFields } from "@coxswain/apimachinery";
import type { ApiObject, JsonObject } from "@coxswain/apimachinery";
import { joinLines, parseText, StrictError } from "../core/body/decode-body.ts";
import type { ParsedBody } from "../core/body/decode-body.ts";
import { writeInfo } from "../core/field-manager.ts";
import { agreeWithPath, unnamed } from "../core/metadata.ts";
import type { WriteOptions } from "../core/options.ts";
import type { Kind } from "../core/registry/kind.ts";
import { createObject } from "./create.ts";
import type { Answer, Exchange, Parts } from "./parts.ts";
import { changeObject } from "./update.ts";

export async function apply(parts: Parts, exchange: Exchange, bytes: Buffer, options: WriteOptions): Promise<Answer> {
  const { kind, info } = exchange;
  if (options.fieldManager === "") {
    throw new StatusError(
      statuses.invalid({ group: "meta.k8s.io", kind: "PatchOptions" }, "", [
        { type: "FieldValueRequired", field: "fieldManager", detail: "is required for apply patch" },
      ]),
    );
  }
  const parsed = parseText(bytes.toString(), "yaml", kind.kind);
  exchange.audit?.requested(parsed.value);
  checkVersion(kind, parsed.value);
  // Decoding checks and complains; what is applied is what was stated, without the zero values decoding writes.
  const checked = checkedBy(kind, parsed, exchange);
  complainOfRepeated(parsed, options, exchange);
  const { metadata, ...content } = stated(parsed.value as JsonObject, checked as ApiObject & JsonObject) as JsonObject;
  const config = { ...content, kind: kind.kind, apiVersion: kind.apiVersion, metadata: metadata ?? {} } as ApiObject &
    JsonObject;
  if (config.metadata.managedFields !== undefined)
    throw new StatusError(statuses.badRequest("metadata.managedFields must be nil"));
  // Whoever changes what is there need not name it again.
  const isNamed = (config.metadata.name ?? "") !== "";
  if (!isNamed) config.metadata.name = info.name;
  agreeWithPath(kind, config, info.namespace, info.name);
  const write = { ...writeInfo(kind, { options, exchange, nowMs: parts.clock.now() }), force: options.force };
  return changeObject(parts, exchange, options, {
    tracksItself: true,
    next: (current) =>
      decoded(exchange, applyConfiguration(kind.schema, current as ApiObject & JsonObject, config, write), options),
    ...(info.subresource === "" && {
      absent: () => {
        if (!isNamed) throw new StatusError(statuses.badRequest(unnamed(info.name)));
        const { uid = "" } = config.metadata;
        if (uid !== "") {
          const why = `uid mismatch: the provided object specified uid ${uid}, and no existing object was found`;
          throw new StatusError(statuses.conflict(kind, info.name, why));
        }
        const object = decoded(exchange, applyConfiguration(kind.schema, undefined, config, write), options);
        return createObject(parts, exchange, object, { ...options, isApply: true });
      },
    }),
  });
}

function checkVersion({ apiVersion }: Kind, config: unknown): void {
  if (!isRecord(config)) return;
  const given = typeof config["apiVersion"] === "string" ? config["apiVersion"] : "";
  if (given === apiVersion) return;
  const why = `Specified patch version: ${given}, expected: ${apiVersion}`;
  throw new StatusError(statuses.badRequest(`Incorrect version specified in apply patch. ${why}`));
}

/** Fields that the type does not have are refused however strict the client wants it: nobody could own them. */
function checkedBy(kind: Kind, parsed: ParsedBody, { info, warn }: Exchange): ApiObject {
  try {
    return kind.rules.decode({ value: parsed.value, complaints: () => [] }, "Strict", warn);
  } catch (error) {
    if (!(error instanceof StatusError) || !(error.cause instanceof StrictError)) throw error;
    const type = `${kind.group === "" ? "/" : `${kind.group}/`}${kind.version}, Kind=${kind.kind}`;
    const why = undeclaredFields(kind.schema, parsed.value, error.cause.unknown);
    const message = `failed to create typed patch object (${info.namespace}/${info.name}; ${type}): ${why}`;
    throw new StatusError(statuses.badRequest(message), { cause: error });
  }
}

/** To Kubernetes every configuration is YAML, also one that is written as JSON. */
function complainOfRepeated(parsed: ParsedBody, { fieldValidation }: WriteOptions, { warn }: Exchange): void {
  const repeated = fieldValidation === "Ignore" ? [] : parsed.complaints();
  if (repeated.length > 0 && fieldValidation === "Strict") {
    const why = joinLines(repeated).join(", ");
    throw new StatusError(statuses.badRequest(`error strict decoding YAML: error converting YAML to JSON: ${why}`));
  }
  for (const complaint of repeated) warn(complaint);
}

function decoded({ kind }: Exchange, value: JsonObject, options: WriteOptions): ApiObject {
  return kind.rules.decode({ value, complaints: () => [] }, "Ignore", () => void options);
}

/** The values of `decoded` at the places that `input` names. */
function stated(input: unknown, decoded: unknown): unknown {
  if (Array.isArray(input) && Array.isArray(decoded)) return decoded.map((item, index) => stated(input[index], item));
  if (!isRecord(input) || !isRecord(decoded)) return decoded;
  const result: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(input)) {
    if (value !== null && Object.hasOwn(decoded, name)) result[name] = stated(value, decoded[name]);
    // Decoding leaves empty values out; whoever states one means it.
    else if (value !== null && isEmpty(value)) result[name] = value;
  }
  return result;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isEmpty(value: unknown): boolean {
  if (Array.isArray(value)) return value.length === 0;
  return isRecord(value) ? Object.keys(value).length === 0 : value === "" || value === 0 || value === false;
}
