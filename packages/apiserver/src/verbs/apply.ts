// PATCH with an applied configuration: fields have owners, and taking one from somebody else is a conflict unless forced.
// Creates the object when it is not there.
import { applyConfiguration, parseApiVersion, StatusError, statuses, typedErrors } from "@coxswain/apimachinery";
import type { ApiObject, JsonObject, StructSchema } from "@coxswain/apimachinery";
import { joinLines, parseText } from "../core/body/decode-body.ts";
import type { ParsedBody } from "../core/body/decode-body.ts";
import { writeInfo } from "../core/field-manager.ts";
import { agreeWithPath, unnamed } from "../core/metadata.ts";
import type { WriteOptions } from "../core/options.ts";
import { textOf } from "../core/registry/strategy.ts";
import { createObject } from "./create.ts";
import type { Answer, Exchange, Parts } from "./parts.ts";
import { changeObject } from "./update.ts";

export async function apply(parts: Parts, exchange: Exchange, bytes: Buffer, options: WriteOptions): Promise<Answer> {
  const { kind, info } = exchange;
  const config = readConfiguration(exchange, bytes, options, {
    ...kind,
    decode: (value) => kind.rules.decode({ value, complaints: () => [] }, "Ignore", () => undefined),
    keepsNull: !kind.rules.mergesStrategically,
  });
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

/** What a configuration is for. */
interface Configured {
  readonly kind: string;
  readonly apiVersion: string;
  readonly schema: StructSchema;
  /** Values in the form in which the kind keeps them. */
  decode(value: JsonObject): ApiObject;
  /** Null is a value, and not the same as nothing. */
  readonly keepsNull: boolean;
}

/** What was stated, without the zero values that decoding writes. Throws what is wrong with its types. */
export function readConfiguration(
  exchange: Exchange,
  bytes: Buffer,
  options: WriteOptions,
  of: Configured,
): ApiObject & JsonObject {
  if (options.fieldManager === "") {
    throw new StatusError(
      statuses.invalid({ group: "meta.k8s.io", kind: "PatchOptions" }, "", [
        { type: "FieldValueRequired", field: "fieldManager", detail: "is required for apply patch" },
      ]),
    );
  }
  const undecoded = (why: string): StatusError => refused(`error decoding YAML: ${why}`);
  const parsed = parseText(bytes.toString(), "yaml", of.kind, (why) =>
    undecoded(`error converting YAML to JSON: ${why}`),
  );
  const value = parsed.value ?? {};
  exchange.audit?.requested(value);
  complainOfRepeated(parsed, options, exchange);
  if (!isRecord(value)) {
    const found = Array.isArray(value) ? "array" : typeof value === "boolean" ? "bool" : typeof value;
    throw undecoded(
      `error unmarshaling JSON: while decoding JSON: json: cannot unmarshal ${found} into Go value of type map[string]interface {}`,
    );
  }
  const { group, version } = parseApiVersion(textOf(value, "apiVersion")) ?? { group: "", version: "" };
  const type = `${group}/${version}, Kind=${textOf(value, "kind")}`;
  if (value["apiVersion"] !== of.apiVersion || value["kind"] !== of.kind) throw refused(`invalid object type: ${type}`);
  const { metadata } = value;
  if (isRecord(metadata) && (metadata["managedFields"] ?? null) !== null)
    throw refused("metadata.managedFields must be nil");
  const faults = typedErrors(of.schema, value);
  if (faults !== undefined) {
    const subject = `${textOf(value, "metadata", "namespace")}/${textOf(value, "metadata", "name")}`;
    throw refused(`failed to create typed patch object (${subject}; ${type}): ${faults}`);
  }
  const content = stated(value, of.decode(value), of.keepsNull) as JsonObject;
  return { ...content, metadata: content["metadata"] ?? {} } as ApiObject & JsonObject;
}

function refused(message: string): StatusError {
  return new StatusError(statuses.badRequest(message));
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

/** The values of `decoded` at the places that `input` names; null is a value of kinds that definitions bring. */
function stated(input: unknown, decoded: unknown, keepsNull: boolean): unknown {
  if (Array.isArray(input) && Array.isArray(decoded))
    return decoded.map((item, index) => stated(input[index], item, keepsNull));
  if (!isRecord(input) || !isRecord(decoded)) return decoded;
  const result: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(input)) {
    if ((keepsNull || value !== null) && Object.hasOwn(decoded, name))
      result[name] = stated(value, decoded[name], keepsNull);
    // Decoding leaves empty values out; whoever states one means it.
    else if (value !== null && isEmpty(value)) result[name] = value;
  }
  return result;
}

function isRecord(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isEmpty(value: unknown): boolean {
  if (Array.isArray(value)) return value.length === 0;
  return isRecord(value) ? Object.keys(value).length === 0 : value === "" || value === 0 || value === false;
}
