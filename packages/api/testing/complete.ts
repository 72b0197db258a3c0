/** Makes of a manifest what the server would store: read by the kind's schema, with its defaults. */
import { type ApiObject, decode, type GroupVersionKind, isJsonObject, type JsonObject } from "@coxswain/apimachinery";
import { defaultObject, findSchema } from "../src/index.ts";

/** Throws when the kind is unknown or the manifest is no object. */
export function complete(type: GroupVersionKind, manifest: unknown): ApiObject & JsonObject {
  const schema = findSchema(type);
  if (schema === undefined) throw new Error(`no schema for ${type.kind}`);
  const { value } = decode(schema, manifest);
  if (!isObject(value)) throw new Error("no object");
  defaultObject(type, value);
  return value;
}

function isObject(value: unknown): value is ApiObject & JsonObject {
  return isJsonObject(value) && isJsonObject(value["metadata"]);
}
