// Between the stored version of an object and the one that is served: nothing for most kinds.
import type { ApiObject } from "@coxswain/apimachinery";
import type { Item } from "../core/item.ts";
import { servedAll, toServed } from "../core/registry/convert.ts";
import { encodeObject } from "../core/registry/encoding.ts";
import type { Kind } from "../core/registry/kind.ts";

export { toServed };

/** Whether the bytes that are kept are those that are sent. */
export function liesAsServed({ conversion, upkeep }: Kind, kept: Item): boolean {
  return upkeep ? upkeep.isSettled(kept) : conversion === undefined;
}

/** What is kept as an item of a list; where it may be stored otherwise than it is served, this is found out when it is looked at. */
export function itemOf(kind: Kind, kept: Item): Item {
  if (!kind.conversion && !kind.upkeep) return kept;
  const object = (): ApiObject => toServed(kind, kept.object());
  return {
    get tail() {
      if (liesAsServed(kind, kept)) return kept.tail;
      const bytes = encodeObject(object());
      return bytes.subarray(bytes.indexOf('"metadata":'));
    },
    tailBytes: kept.tailBytes,
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
