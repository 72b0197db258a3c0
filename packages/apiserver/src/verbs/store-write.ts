// A write to the store that the watch cache hears of beforehand: the event comes back with the same bytes, and decoding them again would
// cost more than the rest of its way.
import type { ApiObject } from "@coxswain/apimachinery";
import type { Kind } from "../core/registry/kind.ts";
import { StorageError } from "../core/storage.ts";
import type { Parts } from "./parts.ts";

/** The object is not to be changed any more. */
export async function storeWrite<Outcome extends { readonly kind: string }>(
  parts: Parts,
  kind: Kind,
  written: { readonly key: string; readonly value: Buffer; readonly object: ApiObject },
  write: () => Promise<Outcome>,
): Promise<Outcome> {
  // What is stored in another version than it is served in is decoded where it is read.
  const cache = kind.conversion ? undefined : parts.startedFeed(kind)?.cache;
  const forget = cache?.expect(written.key, written.value, written.object);
  try {
    const outcome = await write();
    if (outcome.kind !== "written") forget?.();
    return outcome;
  } catch (error) {
    forget?.();
    throw error;
  }
}

/**
 * Writes an object; when it is too large for the store, once more without what is said of who owns which field: that can take more room than
 * the object itself.
 */
export async function writeWithoutOwnersIfTooLarge<Outcome>(
  { metadata }: ApiObject,
  write: () => Promise<Outcome>,
): Promise<Outcome> {
  try {
    return await write();
  } catch (error) {
    const isTooLarge = error instanceof StorageError && error.code === "too-large";
    if (!isTooLarge || metadata.managedFields === undefined) throw error;
    delete metadata.managedFields;
    return write();
  }
}
