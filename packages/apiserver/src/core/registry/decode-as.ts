// What a webhook or a policy has made of an object, as an object again: decoded, with its defaults. Unknown members are cut off.
import { defaultObject, findSchema } from "@coxswain/api";
import type { ApiObject } from "@coxswain/apimachinery";
import { decodeObject } from "../body/decode-body.ts";
import type { GroupVersionKind } from "../request.ts";
import type { Kind } from "./kind.ts";

/** `type` is the resource's own kind, or that of a subresource's body, such as Scale. Throws StatusError for what is no such object. */
export function decodeAs(type: GroupVersionKind, resource: Kind | undefined, value: unknown): ApiObject {
  const parsed = { value, complaints: () => [] };
  const quiet = (): void => undefined;
  if (resource && resource.kind === type.kind && resource.group === type.group) {
    const object = resource.rules.decode(parsed, "Ignore", quiet);
    resource.rules.setDefaults(object);
    return object;
  }
  const schema = findSchema(type);
  if (!schema) throw new Error(`no schema for ${type.group}/${type.version} ${type.kind}`);
  const object = decodeObject(parsed, type, schema, "Ignore", quiet);
  defaultObject(type, object);
  return object;
}
