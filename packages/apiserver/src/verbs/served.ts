// Between the stored version of an object and the one that is served: nothing for most kinds.
import type { ApiObject } from "@coxswain/apimachinery";
import { encodeObject } from "../core/registry/encoding.ts";
import type { Kind } from "../core/registry/kind.ts";
import type { Item } from "./parts.ts";

export function toServed(kind: Kind, stored: ApiObject): ApiObject {
  return kind.conversion ? kind.conversion.fromStored(stored) : stored;
}

export function toStored(kind: Kind, served: ApiObject): ApiObject {
  return kind.conversion ? kind.conversion.toStored(served) : served;
}

/** An item of a list made from a decoded, stored object. */
export function itemOf(kind: Kind, stored: ApiObject): Item {
  const served = toServed(kind, stored);
  const bytes = encodeObject(served);
  return { tail: bytes.subarray(bytes.indexOf('"metadata":')), object: () => served };
}
