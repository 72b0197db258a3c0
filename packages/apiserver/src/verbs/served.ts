// Between the stored version of an object and the one that is served: nothing for most kinds.
import type { ApiObject } from "@coxswain/apimachinery";
import type { Item } from "../core/item.ts";
import { encodeObject } from "../core/registry/encoding.ts";
import type { Kind } from "../core/registry/kind.ts";

export function toServed(kind: Kind, stored: ApiObject): ApiObject {
  return kind.conversion ? kind.conversion.fromStored(stored) : stored;
}

export function toStored(kind: Kind, served: ApiObject): ApiObject {
  return kind.conversion ? kind.conversion.toStored(served) : served;
}

/** An item of a list that is stored in another version than it is served in; converted when it is looked at. */
export function itemOf(kind: Kind, stored: () => ApiObject, storedBytes: number): Item {
  const object = (): ApiObject => toServed(kind, stored());
  return {
    get tail() {
      const bytes = encodeObject(object());
      return bytes.subarray(bytes.indexOf('"metadata":'));
    },
    tailBytes: storedBytes,
    object,
  };
}
