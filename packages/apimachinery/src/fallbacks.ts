/** Fills in the defaults that the schema itself carries. What depends on other fields is the business of whoever knows the kind. */
import { cloneJson, isJsonObject, type JsonObject, jsonEqual } from "./json-value.ts";
import { zeroValue } from "./decode.ts";
import type { FieldSchema, Schema, StructSchema } from "./schema.ts";

interface Plan {
  readonly own: readonly FieldSchema[];
  readonly inner: readonly FieldSchema[];
}

const plans = new WeakMap<StructSchema, Plan>();

/** Sets absent fields to the schema's defaults, in place, everywhere below. */
export function applyFallbacks(schema: Schema, value: unknown): void {
  switch (schema.type) {
    case "struct": {
      if (!isJsonObject(value)) return;
      const { own, inner } = planOf(schema);
      for (const field of own) setFallback(field, value);
      for (const field of inner) if (value[field.name] !== undefined) applyFallbacks(field.schema, value[field.name]);
      return;
    }
    case "list":
      if (Array.isArray(value)) for (const item of value) applyFallbacks(schema.items, item);
      return;
    case "map":
      if (isJsonObject(value)) for (const item of Object.values(value)) applyFallbacks(schema.values, item);
      return;
    default:
      return;
  }
}

function setFallback(field: FieldSchema, value: JsonObject): void {
  const found = value[field.name];
  if (found === undefined || (found === "" && !field.pointer)) value[field.name] = cloneJson(field.fallback);
}

/** The fields with defaults, and those below which there may be some. A default that is empty anyway counts only for pointers. */
function planOf(schema: StructSchema): Plan {
  const known = plans.get(schema);
  if (known !== undefined) return known;
  const fields = [...schema.fields.values()];
  const own = fields.filter(
    (field) => field.fallback !== undefined && (field.pointer || !jsonEqual(field.fallback, zeroValue(field.schema))),
  );
  const plan = { own, inner: fields.filter((field) => hasFallbacks(field.schema, new Set([schema]))) };
  plans.set(schema, plan);
  return plan;
}

function hasFallbacks(schema: Schema, seen: Set<StructSchema>): boolean {
  if (schema.type === "list") return hasFallbacks(schema.items, seen);
  if (schema.type === "map") return hasFallbacks(schema.values, seen);
  if (schema.type !== "struct" || seen.has(schema)) return false;
  seen.add(schema);
  const known = plans.get(schema);
  if (known !== undefined) return known.own.length + known.inner.length > 0;
  return [...schema.fields.values()].some((field) => field.fallback !== undefined || hasFallbacks(field.schema, seen));
}
