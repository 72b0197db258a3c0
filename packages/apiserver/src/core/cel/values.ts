// A custom resource's values as expressions see them, by the schema of their definition: whole numbers, times, durations and bytes have types
// of their own, and members go by names that an expression can spell.
import { isJsonObject } from "@coxswain/apimachinery";
import { Duration } from "@marcbachmann/cel-js/evaluator";
import { parseDuration } from "./duration.ts";
import { escapedName } from "./member-names.ts";
import type { JsonSchema } from "../custom/structural.ts";
import { isSchema, memberSchema } from "../custom/structural.ts";

/** What the library computes with: bigint, number, string, boolean, null, Date, Duration, Uint8Array, lists, and maps by name. */
export type CelValue =
  | bigint
  | number
  | string
  | boolean
  | null
  | Date
  | Duration
  | Uint8Array
  | readonly CelValue[]
  | ReadonlyMap<string, CelValue>;

/** Members that no schema describes are not seen, unless everything below may be anything. */
export function celValue(value: unknown, schema: JsonSchema, isObject = false): CelValue {
  if (Array.isArray(value)) {
    const { items } = schema;
    return value.map((item) => (isSchema(items) ? celValue(item, items) : celValue(item, anything)));
  }
  if (isJsonObject(value)) return mapOf(value, schema, isObject || schema["x-kubernetes-embedded-resource"] === true);
  if (typeof value === "number") return numberOf(value, schema);
  if (typeof value === "bigint") return schema.type === "number" ? Number(value) : value;
  if (typeof value === "string") return textOf(value, schema.format);
  return typeof value === "boolean" ? value : null;
}

const anything: JsonSchema = { "x-kubernetes-preserve-unknown-fields": true };
const ofEveryObject: Readonly<Record<string, JsonSchema>> = {
  apiVersion: { type: "string" },
  kind: { type: "string" },
  metadata: { type: "object", properties: { name: { type: "string" }, generateName: { type: "string" } } },
};

function mapOf(
  value: Readonly<Record<string, unknown>>,
  schema: JsonSchema,
  isObject: boolean,
): ReadonlyMap<string, CelValue> {
  const isMap = isSchema(schema.additionalProperties) || schema.additionalProperties === true;
  const isFree = schema === anything || isMap || schema["x-kubernetes-preserve-unknown-fields"] === true;
  const result = new Map<string, CelValue>();
  for (const [name, member] of Object.entries(value)) {
    const known = (isObject ? ofEveryObject[name] : undefined) ?? memberSchema(schema, name);
    if (!known && !isFree) continue;
    result.set(isMap ? name : escapedName(name), celValue(member, known ?? anything));
  }
  return result;
}

function numberOf(value: number, { type, ...schema }: JsonSchema): CelValue {
  if (type === "number") return value;
  const isWhole =
    Number.isInteger(value) &&
    (type === "integer" || schema["x-kubernetes-int-or-string"] === true || type === undefined);
  return isWhole ? BigInt(value) : value;
}

function textOf(text: string, format: string | undefined): CelValue {
  switch (format) {
    case "date":
    case "date-time":
      return new Date(text);
    case "duration":
      return parseDuration(text) ?? text;
    case "byte":
      return Buffer.from(text, "base64");
    default:
      return text;
  }
}
