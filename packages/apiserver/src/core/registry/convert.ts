// Between the versions of a resource: from the stored one to the one that is served, and back. For most kinds there is nothing to do, for some
// two functions do it, and for custom resources with a conversion webhook another program does, so it has to be awaited.
import type { ApiObject } from "@coxswain/apimachinery";
import { apiVersionOf, cloneJson } from "@coxswain/apimachinery";
import type { Kind } from "./kind.ts";

/** The object as it is served; it belongs to the caller, before and after. */
export async function served(kind: Kind, stored: ApiObject): Promise<ApiObject> {
  if (!kind.conversion?.remote) return toServed(kind, stored);
  const [object = stored] = await servedAll(kind, [stored]);
  return object;
}

/** The same at once; not for kinds that another program converts. */
export function toServed({ conversion, upkeep }: Kind, stored: ApiObject): ApiObject {
  if (conversion) return conversion.fromStored(stored);
  upkeep?.settle(stored);
  return stored;
}

/** Many at once: whoever else converts them is asked once. */
export async function servedAll(kind: Kind, stored: readonly ApiObject[]): Promise<readonly ApiObject[]> {
  const { conversion, apiVersion } = kind;
  if (!conversion?.remote) return stored.map((object) => toServed(kind, object));
  const objects = await conversion.remote(stored, apiVersion);
  for (const object of objects) kind.rules.setDefaults(object);
  return objects;
}

/** The object as it is stored. */
export async function toBeStored({ conversion }: Kind, object: ApiObject): Promise<ApiObject> {
  if (!conversion) return object;
  if (!conversion.remote) return conversion.toStored(object);
  const [made = object] = await conversion.remote([object], apiVersionOf(conversion.stored));
  return made;
}

/** What an object would be read as, had it been written: not every version can say the same. Other programs are not asked for that. */
export function asWritten(kind: Kind, object: ApiObject): ApiObject {
  const { conversion } = kind;
  return conversion && !conversion.remote ? toServed(kind, conversion.toStored(object)) : object;
}

/** An object of one version in another version of the same resource. The given one is left as it is. */
export async function convertBetween(from: Kind, to: Kind, object: ApiObject): Promise<ApiObject> {
  return served(to, await toBeStored(from, cloneJson(object)));
}
