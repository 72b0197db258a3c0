// Between the stored version of an object and the one that is served: nothing for most kinds.
import type { ApiObject } from "@coxswain/apimachinery";
import type { Item } from "../core/item.ts";
import { servedAll } from "../core/registry/convert.ts";
import { encodeObject } from "../core/registry/encoding.ts";
import type { Kind } from "../core/registry/kind.ts";

/** Not for kinds that another program converts: those are awaited (`core/registry/convert.ts`). */
export function toServed(kind: Kind, stored: ApiObject): ApiObject {
  return kind.conversion ? kind.conversion.fromStored(stored) : stored;
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

/** The same where another program converts: all at once, and now. */
export async function convertedItems(kind: Kind, stored: readonly ApiObject[]): Promise<readonly Item[]> {
  const objects = await servedAll(kind, stored);
  return objects.map((object): Item => {
    const bytes = encodeObject(object);
    const tail = bytes.subarray(bytes.indexOf('"metadata":'));
    return { tail, tailBytes: tail.length, object: () => object };
  });
}
