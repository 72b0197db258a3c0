// Objects of kinds whose schema may have changed since they were written: they are brought into today's form as they are read. What is in that
// form already leaves as it lies, and whether it is, is found out once for every state that the watch cache has.
import type { ApiObject } from "@coxswain/apimachinery";
import type { Item } from "../item.ts";

export interface Upkeep {
  /** Changes a stored object into what is served, in place; false when it was that already. */
  settle(object: ApiObject): boolean;
  /** Whether what is kept of an object is what is served. */
  isSettled(kept: Item): boolean;
}

/** For one version of a kind, for as long as its schema stays. */
export function createUpkeep(settle: (object: ApiObject) => boolean): Upkeep {
  const known = new WeakMap<Item, boolean>();
  return {
    settle,
    isSettled(kept) {
      let isSettled = known.get(kept);
      if (isSettled === undefined) {
        isSettled = !settle(kept.object());
        known.set(kept, isSettled);
      }
      return isSettled;
    },
  };
}
