// PATCH in its four forms. A patch is a function from the current object to the next; the rest is an update.
import {
  applyJsonPatch,
  applyMergePatch,
  applyStrategicMerge,
  DecodeError,
  fieldErrors,
  isJsonObject,
  jsonSyntaxError,
  PatchError,
  StatusError,
  statuses,
} from "@coxswain/apimachinery";
import type { ApiObject, JsonObject } from "@coxswain/apimachinery";
import type { ParsedBody } from "../core/body/decode-body.ts";
import { mediaTypeOf, parseText } from "../core/body/decode-body.ts";
import type { WriteOptions } from "../core/options.ts";
import { readWriteOptions } from "../core/options.ts";
import { agreeWithPath } from "../core/metadata.ts";
import type { Kind } from "../core/registry/kind.ts";
import { apply } from "./apply.ts";
import type { Answer, Exchange, Parts } from "./parts.ts";
import { changeObject } from "./update.ts";

export const applyMediaType = "application/apply-patch+yaml";
export const patchMediaTypes = [
  "application/json-patch+json",
  "application/merge-patch+json",
  "application/strategic-merge-patch+json",
  applyMediaType,
] as const;

export async function patch(parts: Parts, exchange: Exchange): Promise<Answer> {
  const { kind } = exchange;
  const mediaType = mediaTypeOf(exchange.contentType);
  mustBePatchable(kind, mediaType);
  const options = readWriteOptions(exchange.query, "PatchOptions", mediaType !== applyMediaType);
  const bytes = await exchange.body();
  if (mediaType === applyMediaType) return apply(parts, exchange, bytes, options);
  const parsed = readPatch(bytes);
  exchange.audit?.requested(parsed.value);
  const next = patchFunction(mediaType, parsed, kind);
  return changeObject(parts, exchange, options, {
    next: (current) => patched(exchange, current, next(current), parsed, options),
    // Decoding by a schema of ours copies; custom kinds keep what they are given.
    leavesCurrent: kind.rules.mergesStrategically,
  });
}

/** Throws 415. */
export function mustBePatchable({ rules }: Pick<Kind, "rules">, mediaType: string): void {
  const served = rules.mergesStrategically
    ? patchMediaTypes
    : patchMediaTypes.filter((known) => known !== "application/strategic-merge-patch+json");
  if (!served.some((known) => known === mediaType)) throw new StatusError(statuses.unsupportedMediaType(served));
}

/** Applies a patch body of any of the three merging kinds; the current object is left as it is. */
export function patchFunction(
  mediaType: string,
  parsed: ParsedBody,
  kind: Pick<Kind, "schema" | "kind">,
): (current: ApiObject) => unknown {
  switch (mediaType) {
    case "application/json-patch+json":
      return (current) => reporting(() => applyJsonPatch(current, parsed.value));
    case "application/merge-patch+json":
      return (current) =>
        reporting(() => applyMergePatch(current, mustBeObject(parsed.value, "error decoding patch: ")));
    default:
      return (current) =>
        reporting(() =>
          applyStrategicMerge(kind.schema, current as ApiObject & JsonObject, mustBeObject(parsed.value)),
        );
  }
}

export function readPatch(bytes: Buffer): ParsedBody {
  const text = bytes.toString();
  try {
    return parseText(text, "json", "patch");
  } catch (error) {
    const fault = jsonSyntaxError(text);
    if (fault === undefined) throw error;
    throw new StatusError(statuses.badRequest(`error decoding patch: ${fault}`), { cause: error });
  }
}

/** The result of a patch is a body like any other: decoded, checked, and of the same name. */
function patched(
  exchange: Exchange,
  current: ApiObject,
  value: unknown,
  parsed: ParsedBody,
  options: WriteOptions,
): ApiObject {
  const { kind, info } = exchange;
  try {
    const object = kind.rules.decode({ value, complaints: parsed.complaints }, options.fieldValidation, exchange.warn);
    agreeWithPath(kind, object, info.namespace, current.metadata.name);
    return object;
  } catch (error) {
    throw ofPatch(error, exchange, value, parsed);
  }
}

/** What is wrong with the result is said of the patch, as Kubernetes does. */
function ofPatch(
  error: unknown,
  { kind, contentType }: Exchange,
  value: unknown,
  { value: given }: ParsedBody,
): unknown {
  if (!(error instanceof StatusError)) return error;
  const prefix = `${kind.kind} in version ${JSON.stringify(kind.version)} cannot be handled as a ${kind.kind}: `;
  const message = error.status.message ?? "";
  const isStrict = message.startsWith(`${prefix}strict decoding error`);
  if (!isStrict && !(error.cause instanceof DecodeError)) return error;
  const merges = mediaTypeOf(contentType) === "application/strategic-merge-patch+json";
  const why = merges && error.cause instanceof DecodeError ? error.cause.conversion : message.slice(prefix.length);
  const subject = merges ? asGo(given) : JSON.stringify(value);
  return new StatusError(statuses.invalid({ group: "", kind: "" }, "", [fieldErrors.invalid("patch", subject, why)]), {
    cause: error,
  });
}

/** A document as Go prints the maps and slices it becomes. */
function asGo(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(asGo).join(" ")}]`;
  if (!isJsonObject(value)) return value === null ? "<nil>" : String(value);
  const members = Object.keys(value).sort();
  return `map[${members.map((name) => `${name}:${asGo(value[name])}`).join(" ")}]`;
}

function mustBeObject(value: unknown, before = ""): JsonObject {
  if (isJsonObject(value)) return value;
  // Go reads null as a map; what is no patch is said by who merges it.
  if (value === null && before !== "") throw new StatusError(statuses.badRequest("Invalid JSON Patch"));
  throw new StatusError(
    statuses.badRequest(
      `${before}json: cannot unmarshal ${value === null ? "null" : Array.isArray(value) ? "array" : typeof value} into Go value of type map[string]interface {}`,
    ),
  );
}

function reporting<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof PatchError)) throw error;
    if (error.code === "too-large")
      throw new StatusError(statuses.requestEntityTooLarge(error.message), { cause: error });
    if (error.code === "malformed") throw new StatusError(statuses.badRequest(error.message), { cause: error });
    throw new StatusError(
      {
        ...statuses.invalid({ group: "", kind: "" }, "", []),
        message: `the server rejected our request due to an error in our request: ${error.message}`,
      },
      { cause: error },
    );
  }
}
